# Says that the lab's netifd can do the protocol dhcp. Without this file an interface with it ends as on a firewall without the package.
