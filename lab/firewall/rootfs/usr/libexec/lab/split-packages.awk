# Splits `uci -n export` of all packages into the files that config_load reads (/lib/functions.sh): folder/NAME, the first line "# MD5" of
# /etc/config/NAME. First input: md5sum of those files, one a line; second: the export. A line that looks like a header inside a value is none:
# a value is open while the number of quotes before it is odd ('\'' is one that does not count).
FNR == NR {
	name = $2
	sub(/.*\//, "", name)
	md5[name] = $1
	next
}
!open && $1 == "package" && NF == 2 {
	if (file != "") close(file)
	file = ($2 in md5) ? folder "/" $2 : "/dev/null"
	print "# " md5[$2] >file
}
{
	print >file
	line = $0
	gsub(/'\\''/, "", line)
	open = (open + gsub(/'/, "", line)) % 2
}
