/** procd: init scripts, `service list`, reload_config and its triggers, hotplug-call. */
import type { Topic } from "./recorded.ts";

/** The services that were recorded; `trig` is what has reload triggers. */
export const services = `
script() { { printf '#!/bin/sh /etc/rc.common\\nSTART=90\\nUSE_PROCD=1\\n'; cat; } >"/etc/init.d/$1"; chmod +x "/etc/init.d/$1"; }
echo "config demo 'd'" >/etc/config/demo
script demo <<'TEXT'
start_service() {
	procd_open_instance
	procd_set_param command /bin/sleep 1000
	procd_set_param respawn
	procd_set_param file /etc/config/demo
	procd_set_param pidfile /var/run/demo.pid
	procd_close_instance
}
service_triggers() { procd_add_reload_trigger demo; }
TEXT
script crash <<'TEXT'
start_service() {
	procd_open_instance
	procd_set_param command /bin/false
	procd_set_param respawn 3600 1 3
	procd_close_instance
}
TEXT
script noinst <<'TEXT'
start_service() { :; }
TEXT
script pair <<'TEXT'
start_service() {
	procd_open_instance one; procd_set_param command /bin/sleep 1000; procd_close_instance
	procd_open_instance two; procd_set_param command /bin/false; procd_close_instance
}
TEXT
printf '#!/bin/sh /etc/rc.common\\nSTART=90\\nstart() { :; }\\n' >/etc/init.d/old; chmod +x /etc/init.d/old
echo "config trig 't'" >/etc/config/trig
script trig <<'TEXT'
start_service() { :; }
reload_service() { read -r up _ </proc/uptime; echo "\${up%.*}\${up#*.}" >>/tmp/reloads; [ ! -e /tmp/reload-slowly ] || sleep 2; }
service_triggers() { procd_add_reload_trigger trig; procd_add_reload_interface_trigger lan; }
TEXT
reload_config; rm -f /tmp/reloads; /etc/init.d/trig start
# reloads SECONDS: how many there were after so long. reloads until COUNT: waits for so many, and says how many there were 1.5 s later.
cat >/usr/bin/reloads <<'TEXT'
#!/bin/sh
lines() { grep -c . /tmp/reloads 2>/dev/null || :; }
if [ "$1" = until ]; then
	n=0
	until [ "$(lines)" -ge "$2" ] 2>/dev/null || [ $n -gt 200 ]; do n=$((n + 1)); sleep 0.05; done
	sleep 1.5
else
	sleep "$1"
fi
[ ! -f /tmp/reloads ] || grep -c . /tmp/reloads
[ -f /tmp/reloads ] || echo 0
rm -f /tmp/reloads
TEXT
chmod +x /usr/bin/reloads
`;

/** Until \`command\` succeeds, ten seconds at most. */
const until = (command: string): string => `n=0; until ${command} || [ $n -gt 200 ]; do n=$((n + 1)); sleep 0.05; done`;

export const initScripts: Topic = {
  id: "init-scripts",
  plays: [
    ...[0, 1, 2, 3, 4, 5].map((entry) => ({ entry })),
    { entry: 6, awaited: true },
    ...[7, 8, 9, 10, 11, 12, 13].map((entry) => ({ entry, ...(entry === 8 ? { awaited: true as const } : {}) })),
    {
      entry: 14,
      before: `/etc/init.d/demo start; ${until("[ -s /var/run/demo.pid ]")}; kill -9 "$(cat /var/run/demo.pid)"`,
      awaited: true,
    },
    { entry: 15 },
    { entry: 16, before: "/etc/init.d/crash start", awaited: true },
    { entry: 17 },
    { entry: 18, before: "/etc/init.d/noinst start" },
    { entry: 19 },
    { entry: 20 },
    { entry: 21, before: "/etc/init.d/noinst stop" },
    { entry: 22, run: "/etc/init.d/old running | head -1", prints: "Syntax: /etc/init.d/old [command]" },
    { entry: 23, run: "/etc/init.d/old status | head -1", prints: "Syntax: /etc/init.d/old [command]" },
    { entry: 24, run: "/etc/init.d/demo nosuchaction | head -1", prints: "Syntax: /etc/init.d/demo [command]" },
    {
      entry: 25,
      before: "/etc/init.d/pair start",
      run: "/etc/init.d/pair status; echo $?; /etc/init.d/pair status three; echo $?",
      prints: "running (1/2)\n0\nunknown instance three\n4",
      awaited: true,
    },
    { entry: 26, before: "/etc/init.d/pair stop; /etc/init.d/demo stop" },
    { entry: 27 },
  ],
  notPlayable: {},
};

export const serviceList: Topic = {
  id: "service-list",
  plays: [
    { entry: 6 },
    { entry: 0, before: "/etc/init.d/demo start", awaited: true },
    { entry: 1 },
    { entry: 9 },
    { entry: 2, before: 'kill -9 "$(cat /var/run/demo.pid)"', awaited: true },
    { entry: 3, awaited: true },
    { entry: 4, before: "/etc/init.d/crash restart", awaited: true },
    { entry: 5, awaited: true },
    { entry: 7 },
    // The recorded pauses are lengthened until the file has the next process: a slow machine needs more than 0.3 s.
    {
      entry: 8,
      run: `cat /var/run/demo.pid; old=$(cat /var/run/demo.pid); printf '\\n' >>/etc/config/demo; /etc/init.d/demo start; ${until('[ "$(cat /var/run/demo.pid 2>/dev/null || echo "$old")" != "$old" ]')}; cat /var/run/demo.pid; /etc/init.d/demo start; sleep 0.3; cat /var/run/demo.pid`,
    },
  ],
  notPlayable: {},
};

export const reloadConfig: Topic = {
  id: "reload-config",
  plays: [
    {
      entry: 0,
      before: "rm -f /var/run/config.md5; uci set trig.t.a=0; uci commit trig",
      run: "reload_config; reloads 2; ls /var/run/config.md5",
      prints: "0\n/var/run/config.md5",
    },
    { entry: 1, run: "reload_config; echo $?; reloads 2", prints: "0\n0" },
    { entry: 2, before: "uci set trig.t.a=1; uci commit trig", run: "reload_config; reloads until 1", prints: "1" },
    { entry: 3, before: "printf '# a comment\\n\\n' >>/etc/config/trig", run: "reload_config; reloads 2", prints: "0" },
    { entry: 4, before: "uci set trig.t.a=2", run: "reload_config; reloads until 1", prints: "1" },
    {
      entry: 5,
      before: "uci revert trig; reload_config; reloads until 1; cp /etc/config/trig /tmp/trig; rm /etc/config/trig",
      run: "reload_config; reloads until 1",
      prints: "1",
    },
    { entry: 6, before: "cp /tmp/trig /etc/config/trig", run: "reload_config; reloads 2", prints: "0" },
    {
      entry: 7,
      before: "/etc/init.d/trig stop; uci set trig.t.a=3; uci commit trig",
      run: "reload_config; reloads 3",
      prints: "0",
    },
    {
      entry: 8,
      run: "grep -c '^[0-9a-f]\\{32\\}  /var/run/config.check/network$' /var/run/config.md5; ls -d /var/run/config.check 2>/dev/null || echo gone",
      prints: "1\ngone",
    },
  ],
  notPlayable: {},
};

const event = (name: string): string =>
  `ubus call service event '{"type":"config.change","data":{"package":"${name}"}}'`;

/** Sets a shell variable to hundredths of a second, as the reloads are recorded. */
const now = (name: string): string => `read -r up _ </proc/uptime; ${name}=\${up%.*}\${up#*.}`;

export const procdTriggers: Topic = {
  id: "procd-triggers",
  plays: [
    {
      entry: 0,
      before: "/etc/init.d/trig start",
      // By the clock: after a sleep of 0.8 s a busy machine may be later than the second.
      run: `${now("sent")}; ${event("trig")}; ${until("[ -e /tmp/reloads ]")}; [ $(($(head -n 1 /tmp/reloads) - sent)) -ge 100 ] || echo early; reloads until 1`,
      prints: "1",
    },
    {
      entry: 1,
      // As many events as the machine sends in 1.5 s, so that none comes a second after the one before.
      run: `${now("first")}; ${now("last")}; while [ $((last - first)) -lt 150 ]; do ${event("trig")}; ${now("last")}; done; reloads until 1`,
      prints: "1",
    },
    {
      entry: 2,
      before: ": >/tmp/reload-slowly",
      run: `${event("trig")}; ${until("[ -e /tmp/reloads ]")}; ${event("trig")}; rm /tmp/reload-slowly; reloads until 2`,
      prints: "2",
    },
    { entry: 3, run: `${event("trig")}; reloads until 1`, prints: "1" },
    {
      entry: 4,
      run: "/usr/libexec/procd/event interface.up lan; [ -e /tmp/reloads ] && echo early; reloads until 1",
      prints: "1",
    },
  ],
  notPlayable: {},
};

const shown = 'echo "$ACTION $INTERFACE ${DEVICE-none} $HOTPLUG_TYPE [$DEVICENAME] $LOGNAME $USER $PATH" >>/tmp/heard';
const heard = (name: string): string => until(`grep -qs '${name} lan' /tmp/heard`);

export const hotplug: Topic = {
  id: "hotplug",
  plays: [
    {
      entry: 0,
      before: `rm -f /tmp/heard; echo '${shown}' >/etc/hotplug.d/iface/10-contract`,
      run: `ifup lan; ${heard("ifup")}; grep '^ifup lan' /tmp/heard`,
      prints: "ifup lan eth0 iface [] root root /usr/sbin:/usr/bin:/sbin:/bin",
    },
    {
      entry: 1,
      before: "rm -f /tmp/heard",
      run: `ifdown lan; ${heard("ifdown")}; cat /tmp/heard`,
      prints: "ifdown lan none iface [] root root /usr/sbin:/usr/bin:/sbin:/bin",
    },
    {
      entry: 3,
      before: "ifup lan; sleep 0.5; rm -f /tmp/heard",
      run: `ifup lan; ${heard("ifup")}; cut -d' ' -f1,2 /tmp/heard`,
      prints: "ifdown lan\nifup lan",
    },
    {
      entry: 4,
      before:
        "rm -f /etc/hotplug.d/iface/*; mkdir -p /etc/hotplug.d/t; echo 'exit 3' >/etc/hotplug.d/t/1; echo 'echo second' >/etc/hotplug.d/t/2",
      run: "hotplug-call t; echo $?",
      prints: "second\n0",
    },
    { entry: 5, before: "echo 'exit 127' >/etc/hotplug.d/t/3", run: "hotplug-call t; echo $?", prints: "second\n127" },
    { entry: 6 },
    { entry: 7 },
  ],
  notPlayable: { 2: "a list of netifd's words; the lab says ifup and ifdown only" },
};
