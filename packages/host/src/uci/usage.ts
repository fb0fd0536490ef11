/** The help text of `uci`: the original's first line, the rest in our words. */
export const uciUsage = `Usage: uci [<options>] <command> [<arguments>]

Reads and changes the configuration packages in /etc/config. Changes are kept aside in
/tmp/.uci until they are committed.

Commands:
  get        <package>.<section>[.<option>]
  show       [<package>[.<section>[.<option>]]]
  set        <package>.<section>[.<option>]=<value>
  add        <package> <section-type>
  add_list   <package>.<section>.<option>=<value>
  del_list   <package>.<section>.<option>=<value>
  delete     <package>.<section>[.<option>[=<index of a list's item>]]
  rename     <package>.<section>[.<option>]=<name>
  reorder    <package>.<section>=<position>
  changes    [<package>]           what has not been committed
  revert     <package>[.<section>[.<option>]]
  commit     [<package>]
  export     [<package>]
  import     [<package>]           from the input; without <package> it names its packages
  batch                            commands from the input, one a line
  help

Options:
  -c <dir>   configuration folder (/etc/config)
  -C <dir>   folder whose packages take the place of those in /etc/config (/var/run/uci)
  -d <text>  between the items of a list (a space)
  -f <file>  input of import and batch
  -m         import adds to what is there
  -n, -N     write, do not write (usual) the names of unnamed sections
  -p <dir>   read the pending changes of this folder, too
  -P <dir>   record changes there; commit does nothing
  -q         no error messages
  -s, -S     stop at errors in a file (usual), or skip them
  -t <dir>   record changes there
  -X         names of unnamed sections in place of @type[index]

Examples:
  uci show network.lan
  uci set network.lan.ipaddr=192.168.5.1; uci commit network
  uci add_list network.lan.dns=1.1.1.1
  uci set firewall.@rule[-1].enabled=0
`;
