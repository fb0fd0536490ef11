/**
 * The lab's own root (`make root`), as a machine without the lab's packages sees it: a "machine" whose /etc has no mark of a root of the lab, and in its cache
 * folder a "root" that is an overlay over this one, with the mark.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import { checkout } from "../src/layer.ts";

setDefaultTimeout(paced(60_000));

/** Runs a script on that machine; $enter and $build are the programs under test, $cache their cache folder. Returns its code and what it printed. */
function onMachine(script: string): { code: number | null; out: string } {
  const folder = mkdtempSync(join(tmpdir(), "own-root-"));
  const before = `set -eu
cp -a /etc "$1/etc"
rm -f "$1/etc/nethsec-lab-root"
mount --bind "$1/etc" /etc
echo "of the machine" >/etc/whose
export XDG_CACHE_HOME=$1/cache
unset NETHSEC_LAB_ROOT
cache=$XDG_CACHE_HOME/nethsec-lab enter=$2/lab/root/enter build=$2/lab/root/build
make_root() {
	root=$cache/$("$build" --key)
	mkdir -p "$root" "$1/disk"
	mount -t tmpfs own-root "$1/disk"
	mkdir -p "$1/disk/upper/etc" "$1/disk/work"
	echo base-none >"$1/disk/upper/etc/nethsec-lab-root"
	echo "of the root" >"$1/disk/upper/etc/whose"
	mount -t overlay own-root -o "lowerdir=/,upperdir=$1/disk/upper,workdir=$1/disk/work" "$root"
}
cd "$2/docs"
`;
  try {
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      ["unshare", "--mount", "--propagation", "private", "sh", "-c", before + script, "sh", folder, checkout],
      { stdin: "ignore" },
    );
    return { code: exitCode, out: `${stdout.toString()}${stderr.toString()}`.replaceAll(folder, "FOLDER") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("a program sees the root's files, the checkout and /tmp, and the machine is as before", () => {
  const { code, out } = onMachine(`
make_root "$1"
echo kept >"$1/in-tmp"
mounts=$(wc -l </proc/self/mounts)
"$enter" sh -euc '
	echo "files $(cat /etc/whose)"
	echo "folder \${PWD#"$0/"}"
	echo "tmp $(cat "$1/in-tmp")"
	(: >/etc/new) 2>/dev/null || echo "the root cannot be written"
	: >"$0/.own-root-test" && rm "$0/.own-root-test" && echo "the checkout can be written"
	: >"$HOME/new" && echo "HOME is $HOME"
	git -C "$0" ls-files README.md
	echo "again: $("$0/lab/root/enter" cat /etc/whose)"
' "$2" "$1"
echo "afterwards: $(cat /etc/whose)"
[ ! -e "$HOME/new" ] && [ "$(wc -l </proc/self/mounts)" = "$mounts" ] && echo "nothing is left"
`);
  expect({ code, out }).toEqual({
    code: 0,
    out: `files of the root
folder docs
tmp kept
the root cannot be written
the checkout can be written
HOME is /root
README.md
again: of the root
afterwards: of the machine
nothing is left
`,
  });
});

test("without a root programs run on the machine's; --remove removes one, but never under a running program", () => {
  const { code, out } = onMachine(`
"$build" --made || echo "none yet: $?, files $("$enter" cat /etc/whose)"
make_root "$1"
[ "$("$build" --made)" = "$root" ] && echo "made, files $("$enter" cat /etc/whose), or $(NETHSEC_LAB_ROOT=machine "$enter" cat /etc/whose)"
"$enter" sleep 600 &
until [ "$(cat "/proc/$!/root/etc/whose")" = "of the root" ]; do :; done
"$build" --remove 2>&1 | sed 's/process [0-9]*/process N/'
{ kill $!
wait $!; } 2>/dev/null || :
# What is mounted over it is not of the cache folder.
umount "$root"
mkdir -p "$root/etc"
: >"$root/etc/nethsec-lab-root"
"$build" --remove && [ ! -e "$cache" ] && echo removed
`);
  expect({ code, out }).toEqual({
    code: 0,
    out: `none yet: 1, files of the machine
made, files of the root, or of the machine
lab: process N runs on a root of the lab: end it first (lab/lab down --all ends labs).
removed
`,
  });
});

test("where no root can be made it says why", () => {
  const { out } = onMachine(`
mkdir "$1/bin"
for name in dirname readlink sed tr sha256sum cut id; do ln -s "$(command -v $name)" "$1/bin/$name"; done
PATH=$1/bin "$build" || echo "code $?"
unshare --user "$build" || echo "code $?"
`);
  expect(out.split("\n").toSorted()).toEqual(
    [
      "",
      "code 1",
      "code 1",
      "lab: debootstrap is missing, with which the root of the lab's nodes is made: apt-get install debootstrap",
      "lab: the root of the lab's nodes has not been made yet. Run this once as root.",
    ].toSorted(),
  );
});
