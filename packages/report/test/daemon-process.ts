/** The file below /proc by which a daemon with the status' process number is known to run: for hosts of tests. */
export const daemonProcess = { "/proc/1/cmdline": "/usr/sbin/dpireport\0" } as const;
