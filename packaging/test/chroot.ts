/**
 * A minimal Debian 12 for package installations: the one of the lab's own root (lab/root/build), or on the machine's root one that debootstrap
 * creates once (.cache/packaging). Each test uses an overlay of it in separate namespaces without network. Invariant: writes only to the cache and the test's temporary folder; processes inside end with it.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { paced } from "../../packages/host/src/testing/pace.ts";

export const checkout = dirname(dirname(import.meta.dirname));
const ofTheRoot = "/srv/debian";
const base = existsSync(`${ofTheRoot}/etc/debian_version`) ? ofTheRoot : join(checkout, ".cache/packaging/bookworm");
/** The same as in lab/root/build. */
const included = "busybox,xz-utils,adduser,ca-certificates,init-system-helpers";

function must(argv: readonly string[], limitMs: number, env: Readonly<Record<string, string>> = {}): string {
  const timeout = paced(limitMs);
  const child = Bun.spawnSync([...argv], { stdin: "ignore", timeout, cwd: checkout, env: { ...process.env, ...env } });
  if (child.exitCode !== 0)
    throw new Error(
      `${argv.slice(0, 4).join(" ")}: ${child.exitCode ?? `ended after ${timeout} ms`}\n${child.stdout.toString()}${child.stderr.toString()}`,
    );
  return child.stdout.toString();
}

/** Runs a program of the checkout; throws with its output unless it succeeds. */
export const build = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): string =>
  must(argv, 120_000, env);

/** Without the lab's root it downloads about 60 MB the first time. */
export function prepareChroot(): void {
  if (existsSync(base)) return;
  const half = mkdtempSync(`${mkdirp(dirname(base))}/half-`);
  must(["debootstrap", "--variant=minbase", `--include=${included}`, "bookworm", half], 900_000);
  rmSync(join(half, "var/cache/apt/archives"), { recursive: true, force: true });
  renameSync(half, base);
}

function mkdirp(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

export class Chroot implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "nethsec-packaging-"));
  /** Upper folder of the overlay: files added here are visible inside. */
  readonly upper = mkdirp(join(this.#folder, "upper"));

  /** Copies a file or folder of this machine into the root. */
  put(from: string, to: string): void {
    mkdirp(dirname(join(this.upper, to)));
    cpSync(from, join(this.upper, to), { recursive: true, verbatimSymlinks: true, dereference: false });
  }
  write(to: string, text: string, mode = 0o644): void {
    mkdirp(dirname(join(this.upper, to)));
    writeFileSync(join(this.upper, to), text, { mode });
  }

  /** Runs a shell script inside as root; returns what it printed. The functions of {@link functions} are defined. */
  run(script: string): string {
    this.write("/test-script", functions + script);
    const outside = `set -e
mkdir -p "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount -t tmpfs tmpfs "$1/root/dev"
for device in null zero random urandom tty; do : >"$1/root/dev/$device"; mount --bind "/dev/$device" "$1/root/dev/$device"; done
ln -s /proc/self/fd "$1/root/dev/fd"
ip link set lo up
exec chroot "$1/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive TMPDIR=/tmp sh -eu /test-script 2>&1`;
    return must(
      [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--net",
        "--ipc",
        "--uts",
        "sh",
        "-c",
        outside,
        "sh",
        this.#folder,
        base,
      ],
      100_000,
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const functions = `
# Every file, link and folder with type, mode, owner and content, but what a package manager keeps for itself.
snapshot() {
	find / -xdev \\( -path /proc -o -path /dev -o -path /test-script -o -path '/snapshot.*' -o -path /packages -o -path /tmp -o -path /run \\
		-o -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /usr/lib/opkg -o -path '/etc/*-' -o -path /etc/.pwd.lock \\
		-o -path /root -o -path /var/lock -o -path /var/lib/systemd/deb-systemd-helper-masked \\) -prune \\
		-o \\( -type d -printf 'd %m %u %p\\n' \\) -o \\( -type l -printf 'l %p %l\\n' \\) -o -printf '%y %m %u ' -exec sha256sum {} \\; | sort >"/snapshot.$1"
}
# What two snapshots differ in, one a line.
compare() { diff "/snapshot.$1" "/snapshot.$2" | sed -n 's/^[<>]/&/p'; }
# wait_for SECONDS COMMAND…
wait_for() {
	tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || { echo "waited in vain for: $*"; return 1; }
		sleep 0.1
	done
}
`;
