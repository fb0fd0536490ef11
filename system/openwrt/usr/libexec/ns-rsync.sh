#!/bin/sh
# Where the released package has it: keepalived.ha_sync.script of a restored configuration names this path.
exec /etc/keepalived/scripts/ns-rsync.sh "$@"
