# Says that the lab's netifd can do the protocol dhcpv6. Without this file an interface with it ends as on a firewall without the package.
