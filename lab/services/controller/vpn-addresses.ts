/** Addresses and ports of the controller inside its VPN. */
export const vpnAddress = "172.21.0.1";
export const vpnMask = "255.255.0.0";
export const apiPort = 5000;
export const logPort = 6514;
