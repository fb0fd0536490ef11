# From `uci -X show network` and `uci -X show firewall`: the nftables table `inet fw4`, in the manner of OpenWrt's firewall4.
# Understood: defaults, zones (network, device, subnet, input/output/forward, masq, masq_src, mtu_fix), forwardings, redirects
# (DNAT with reflection, SNAT), rules (src, dest, proto, family, addresses, ports, icmp_type, mark, target, name, enabled),
# include sections are left out. What a zone covers is known from the configuration, up or not, so that a WAN that
# comes up later needs no new rules. Options that are not understood are reported on stderr, never widened.

function unquote(text) {
	gsub(/^'|'$/, "", text)
	gsub(/' '/, " ", text)
	return text
}
function opt(section, name, fallback) {
	return ((section, name) in option) ? option[section, name] : fallback
}
function on(section, name, fallback,   text) {
	text = opt(section, name, fallback)
	return text ~ /^(1|on|true|yes|enabled)$/
}
function warn(section, text) {
	print "firewall." section ": " text > "/dev/stderr"
}
function quoted(text) {
	gsub(/["\\]/, "", text)
	return "\"" text "\""
}
# "a b a" → { a, b }
function braces(words,   list, n, i, out, seen) {
	n = split(words, list, " ")
	for (i = 1; i <= n; i++) {
		if (list[i] in seen) continue
		seen[list[i]] = 1
		out = out (i > 1 ? ", " : "") list[i]
	}
	return "{ " out " }"
}
function ports(words) {
	gsub(/:/, "-", words)
	return braces(words)
}

# The device on which interface `name` has its addresses.
function l3_device(name, depth,   device) {
	if (depth > 4 || net[name, "type"] == "") return ""
	device = net[name, "device"]
	if (device == "") device = net[name, "ifname"]
	if (net[name, "proto"] == "bonding") return "bond-" name
	if (net[name, "proto"] == "wireguard") return name
	if (net[name, "proto"] ~ /^(pppoe|l2tp|pptp)$/) return net[name, "proto"] "-" name
	if (device ~ /^@/) return l3_device(substr(device, 2), depth + 1)
	return device
}

function zone_devices(section,   list, n, i, device, out, seen) {
	n = split(opt(section, "network", ""), list, " ")
	for (i = 1; i <= n; i++) {
		device = l3_device(list[i], 0)
		if (device != "" && !(device in seen)) { seen[device] = 1; out = out " " device }
	}
	n = split(opt(section, "device", ""), list, " ")
	for (i = 1; i <= n; i++) if (!(list[i] in seen)) {
		seen[list[i]] = 1
		device = list[i]
		sub(/\+$/, "*", device)
		out = out " " device
	}
	return substr(out, 2)
}

function interface_set(devices,   list, n, i, out) {
	n = split(devices, list, " ")
	for (i = 1; i <= n; i++) out = out (i > 1 ? ", " : "") quoted(list[i])
	return "{ " out " }"
}

function verdict(policy, fallback) {
	policy = toupper(policy == "" ? fallback : policy)
	if (policy == "ACCEPT") return "accept"
	if (policy == "DROP") return "drop"
	return "jump handle_reject"
}

# Addresses of one direction: "ip saddr { … } " or "ip6 …".
function address_match(words, direction,   list, n, i, four, six, not4) {
	n = split(words, list, " ")
	for (i = 1; i <= n; i++) {
		if (list[i] ~ /^!/) not4 = not4 (not4 ? ", " : "") substr(list[i], 2)
		else if (list[i] ~ /:/) six = six (six ? ", " : "") list[i]
		else four = four (four ? ", " : "") list[i]
	}
	if (four != "") return "ip " direction " { " four " } "
	if (six != "") return "ip6 " direction " { " six " } "
	if (not4 != "") return "ip " direction " != { " not4 " } "
	return ""
}

# Everything a rule matches, without its zones, once a protocol; in matches[1..].
function protocol_matches(section,   protos, list, n, i, base, count, family, mac, text) {
	split("", matches)
	protos = tolower(opt(section, "proto", "tcp udp"))
	if (protos == "all" || protos == "any") protos = "*"
	family = opt(section, "family", "any")
	base = family == "ipv4" ? "meta nfproto ipv4 " : family == "ipv6" ? "meta nfproto ipv6 " : ""
	base = base address_match(opt(section, "src_ip", ""), "saddr")
	if (type[section] == "rule") base = base address_match(opt(section, "dest_ip", ""), "daddr")
	else base = base address_match(opt(section, "src_dip", ""), "daddr")
	mac = opt(section, "src_mac", "")
	if (mac != "") base = base "ether saddr " braces(mac) " "
	if (opt(section, "mark", "") != "") base = base "meta mark " opt(section, "mark", "") " "
	n = split(protos == "tcpudp" ? "tcp udp" : protos, list, " ")
	for (i = 1; i <= n; i++) {
		text = base
		if (list[i] == "tcp" || list[i] == "udp") {
			text = text "meta l4proto " list[i] " "
			if (opt(section, "src_port", "") != "") text = text list[i] " sport " ports(opt(section, "src_port", "")) " "
			if (type[section] == "redirect") {
				if (opt(section, "src_dport", "") != "") text = text list[i] " dport " ports(opt(section, "src_dport", "")) " "
			} else if (opt(section, "dest_port", "") != "") text = text list[i] " dport " ports(opt(section, "dest_port", "")) " "
		} else if (list[i] ~ /^icmp/) {
			text = text icmp_match(section, list[i], family)
		} else if (list[i] != "*") text = text "meta l4proto " list[i] " "
		matches[++count] = text
	}
	return count
}

function icmp_match(section, proto, family,   types, out) {
	types = opt(section, "icmp_type", "")
	gsub(/ping/, "echo-request", types)
	gsub(/pong/, "echo-reply", types)
	if (proto == "icmpv6" || proto == "ipv6-icmp" || family == "ipv6") {
		gsub(/neighbour-/, "nd-neighbor-", types); gsub(/router-/, "nd-router-", types)
		gsub(/solicitation/, "solicit", types); gsub(/advertisement/, "advert", types)
		gsub(/bad-header|unknown-header-type/, "parameter-problem", types)
		return types == "" ? "meta l4proto ipv6-icmp " : "icmpv6 type " braces(types) " "
	}
	return types == "" ? "meta l4proto icmp " : "icmp type " braces(types) " "
}

function rule_verdict(section,   target) {
	target = toupper(opt(section, "target", "DROP"))
	if (target == "ACCEPT") return "counter accept"
	if (target == "DROP") return "counter drop"
	if (target == "REJECT") return "counter jump handle_reject"
	if (target == "NOTRACK") return "notrack"
	if (target == "MARK") return "meta mark set " opt(section, "set_mark", "0")
	if (target == "DSCP") return "ip dscp set " tolower(opt(section, "set_dscp", "cs0"))
	warn(section, "target " target " is unknown: the rule is left out")
	return ""
}

function add(chain, line) { chains[chain] = chains[chain] "\t\t" line "\n" }

function add_rule(section,   src, dest, n, i, end, comment, chain, to) {
	if (!on(section, "enabled", "1")) return
	src = opt(section, "src", "")
	dest = opt(section, "dest", "")
	end = rule_verdict(section)
	if (end == "") return
	if (src != "" && src != "*" && !(src in zone) || dest != "" && dest != "*" && !(dest in zone)) {
		warn(section, "zone " src " or " dest " does not exist: the rule is left out")
		return
	}
	comment = " comment " quoted(opt(section, "name", section))
	n = protocol_matches(section)
	for (i = 1; i <= n; i++) {
		to = ""
		if (dest != "" && dest != "*") {
			if (zone[dest] == "") continue
			to = "oifname " interface_set(zone[dest]) " "
		}
		if (src == "") add("output", to matches[i] end comment)
		else {
			if (src != "*" && zone[src] == "") continue
			from = src == "*" ? "" : "iifname " interface_set(zone[src]) " "
			add(dest == "" ? "input" : "forward", from to matches[i] end comment)
		}
	}
}

# A port forward. With reflection, clients of the inside zones reach it under the outside address too.
function add_redirect(section,   src, dest, n, i, to, port, inside, address) {
	if (!on(section, "enabled", "1")) return
	src = opt(section, "src", "wan")
	if (!(src in zone) || zone[src] == "") return
	if (toupper(opt(section, "target", "DNAT")) == "SNAT") { add_snat(section); return }
	address = opt(section, "dest_ip", "")
	port = opt(section, "dest_port", opt(section, "src_dport", ""))
	sub(/:/, "-", port)
	n = protocol_matches(section)
	for (i = 1; i <= n; i++) {
		if (address == "") to = "redirect to :" port
		else to = "dnat ip to " address (port != "" && matches[i] ~ /dport/ ? ":" port : "")
		add("dstnat", "iifname " interface_set(zone[src]) " meta nfproto ipv4 " matches[i] "counter " to " comment " quoted(opt(section, "name", section)))
		dest = opt(section, "dest", "")
		if (address == "" || !on(section, "reflection", "1") || !(dest in zone) || zone[dest] == "") continue
		if (opt(section, "src_dip", "") == "") matched = "fib daddr type local "
		else matched = ""
		add("dstnat", "iifname " interface_set(zone[dest]) " meta nfproto ipv4 " matched matches[i] to " comment " quoted(opt(section, "name", section) " (reflection)"))
		add("srcnat", "iifname " interface_set(zone[dest]) " oifname " interface_set(zone[dest]) " ip daddr " address " ct status dnat masquerade")
	}
}

function add_snat(section,   n, i, dest) {
	dest = opt(section, "dest", "wan")
	if (!(dest in zone) || zone[dest] == "") return
	n = protocol_matches(section)
	for (i = 1; i <= n; i++)
		add("srcnat", "oifname " interface_set(zone[dest]) " meta nfproto ipv4 " matches[i] "snat ip to " opt(section, "src_dip", ""))
}

# Files of packages, right after the loopback's rule, whatever the configuration holds (firewall4, templates/ruleset.uc, fw4.uc `load`).
function included(name) {
	return on(defaults, "auto_includes", "1") ? "\t\tinclude \"/usr/share/nftables.d/chain-pre/" name "/*.nft\"\n" : ""
}

function print_chain(name, head) {
	printf "\tchain %s {\n%s%s\t}\n", name, head, chains[name]
}

{
	equals = index($0, "=")
	split(substr($0, 1, equals - 1), path, ".")
	text = unquote(substr($0, equals + 1))
	if (path[1] == "network") {
		net[path[2], path[3] == "" ? "type" : path[3]] = text
		next
	}
	if (path[3] == "") {
		type[path[2]] = text
		order[++count] = path[2]
	} else option[path[2], path[3]] = text
}

END {
	for (i = 1; i <= count; i++) {
		section = order[i]
		if (type[section] == "defaults") defaults = section
		if (type[section] != "zone" || !on(section, "enabled", "1")) continue
		name = opt(section, "name", section)
		zone[name] = zone_devices(section)
		zone_section[name] = section
	}
	input = "type filter hook input priority filter; policy drop;"
	for (i = 1; i <= count; i++) if (type[order[i]] == "rule") add_rule(order[i])
	for (i = 1; i <= count; i++) if (type[order[i]] == "redirect") add_redirect(order[i])
	for (i = 1; i <= count; i++) {
		section = order[i]
		if (type[section] != "forwarding" || !on(section, "enabled", "1")) continue
		src = opt(section, "src", ""); dest = opt(section, "dest", "")
		if (!(src in zone) || !(dest in zone)) { warn(section, "zone " src " or " dest " does not exist: left out"); continue }
		if (zone[src] != "" && zone[dest] != "")
			add("forward", "iifname " interface_set(zone[src]) " oifname " interface_set(zone[dest]) " counter accept comment " quoted(src " to " dest))
	}
	for (i = 1; i <= count; i++) {
		section = order[i]
		if (type[section] != "zone" || !on(section, "enabled", "1")) continue
		name = opt(section, "name", section)
		if (zone[name] == "") continue
		set = interface_set(zone[name])
		add("forward", "iifname " set " ct status dnat accept comment " quoted(name ": port forwards"))
		add("forward", "iifname " set " oifname " set " counter " verdict(opt(section, "forward", ""), opt(defaults, "forward", "DROP")) " comment " quoted(name " inside"))
		add("forward", "iifname " set " counter " (toupper(opt(defaults, "forward", "DROP")) == "ACCEPT" ? "accept" : verdict(opt(section, "forward", "") ~ /ACCEPT/ ? "REJECT" : opt(section, "forward", ""), "DROP")) " comment " quoted(name))
		add("input", "iifname " set " counter " verdict(opt(section, "input", ""), opt(defaults, "input", "DROP")) " comment " quoted(name))
		leaving = toupper(opt(defaults, "output", "DROP"))
		if (toupper(opt(section, "output", leaving)) != "ACCEPT" || leaving != "ACCEPT")
			add("output", "oifname " set " counter " verdict(opt(section, "output", ""), leaving) " comment " quoted(name))
		if (on(section, "masq", "0"))
			add("srcnat", "oifname " set " meta nfproto ipv4 " address_match(opt(section, "masq_src", ""), "saddr") "masquerade comment " quoted(name))
		if (on(section, "mtu_fix", "0")) {
			add("mangle_forward", "iifname " set " tcp flags syn / syn,rst tcp option maxseg size set rt mtu")
			add("mangle_forward", "oifname " set " tcp flags syn / syn,rst tcp option maxseg size set rt mtu")
		}
	}

	invalid = on(defaults, "drop_invalid", "0") ? "\t\tct state invalid counter drop\n" : ""
	established = "\t\tct state established,related accept\n" invalid
	print "table inet fw4\ndelete table inet fw4\ntable inet fw4 {"
	flood = on(defaults, "syn_flood", "0") ? "\t\ttcp flags & (fin | syn | rst | ack) == syn jump syn_flood\n" : ""
	print_chain("syn_flood", "\t\tlimit rate 25/second burst 50 packets return\n\t\tcounter drop\n")
	print_chain("handle_reject", "\t\tmeta l4proto tcp reject with tcp reset\n\t\treject with icmpx type port-unreachable\n")
	print_chain("input", "\t\ttype filter hook input priority filter; policy " (toupper(opt(defaults, "input", "DROP")) == "ACCEPT" ? "accept" : "drop") ";\n\t\tiifname \"lo\" accept\n" included("input") established flood)
	print_chain("forward", "\t\ttype filter hook forward priority filter; policy " (toupper(opt(defaults, "forward", "DROP")) == "ACCEPT" ? "accept" : "drop") ";\n" established)
	print_chain("output", "\t\ttype filter hook output priority filter; policy " (toupper(opt(defaults, "output", "DROP")) == "ACCEPT" ? "accept" : "drop") ";\n\t\toifname \"lo\" accept\n" included("output") established)
	print_chain("dstnat", "\t\ttype nat hook prerouting priority dstnat; policy accept;\n")
	print_chain("srcnat", "\t\ttype nat hook postrouting priority srcnat; policy accept;\n")
	print_chain("mangle_forward", "\t\ttype filter hook forward priority mangle; policy accept;\n")
	print "}"
}
