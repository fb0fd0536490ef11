/** For fake hosts: the file below /proc that marks the status' process id as a running daemon. */
export const daemonProcess = { "/proc/1/cmdline": "/usr/sbin/dpireport\0" } as const;
