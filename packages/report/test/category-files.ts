/**
 * The DPI engine's files of categories, as small as a test needs them; numbers and names are those of the recorded streams and of netifyd's public
 * files. The lines beside `app:` are invented.
 */

export const appsConf = `# Netify applications
app:0:Unknown
app:124:netify.youtube
app:133:netify.netflix
app:119:netify.facebook
app:120:netify.twitter
app:156:netify.spotify
app:201:netify.instagram
app:206:netify.cloudflare
app:10010:netify.reddit
app:10011:netify.akamai
app:10013:netify.amazon-advertising
app:10041:netify.google-ads
app:10203:Netify.Zoom
app:10899:netify.nobody
dom:124:youtube.example
net:124:192.0.2.0/24
nsd:-1:39:YXBw
`;

const index = {
  "social-media": [119, 120, 201, 10010],
  "streaming-media": [124, 133, 156],
  advertiser: [10013, 10041],
  cdn: [206, 10011],
  voip: [10203],
};
export const categoryNumbers = { "social-media": 24, "streaming-media": 29, advertiser: 3, cdn: 35, voip: 32 } as const;

/** As netifyd 4.x writes it. */
export const numberedCategories = JSON.stringify({
  application_index: [
    [1, [0]],
    ...Object.entries(categoryNumbers).map(([name, number]) => [number, new Map(Object.entries(index)).get(name)]),
  ],
  application_tag_index: { ...categoryNumbers, unclassified: 1 },
  last_update: 1_656_793_092,
  protocol_index: [[1, [0]]],
  protocol_tag_index: { unclassified: 1 },
});

/** The other form. */
export const namedCategories = JSON.stringify({ application_index: index, protocol_index: {} });

/** Both where netifyd 5 has them. */
export const categoryFiles = {
  "/etc/netifyd/netify-apps.conf": appsConf,
  "/etc/netifyd/netify-categories.json": numberedCategories,
} as const;
