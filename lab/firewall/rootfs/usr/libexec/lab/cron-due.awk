# The commands of a crontab that are due at `now` ("MINUTE HOUR DAY MONTH WEEKDAY", numbers; Sunday is 0), one a line. Fields as crontab(5)
# has them: *, lists, ranges, steps, names of months and days, @daily and the like; day and weekday both given: either will do.

function matches(field, value, low, high, names,   parts, n, i, step, range, from, to) {
	n = split(tolower(field), parts, ",")
	for (i = 1; i <= n; i++) {
		step = 1
		if (split(parts[i], range, "/") == 2) step = range[2]
		if (range[1] == "*") { from = low; to = high }
		else {
			if (split(range[1], ends, "-") == 2) to = number(ends[2], names)
			else to = step > 1 ? high : number(ends[1], names)
			from = number(ends[1], names)
		}
		if (value >= from && value <= to && (value - from) % step == 0) return 1
		if (high == 7 && value == 0 && to == 7 && (7 - from) % step == 0) return 1
	}
	return 0
}
function number(text, names,   at) {
	if (text ~ /^[0-9]+$/) return text + 0
	at = index(names, text)
	return at ? (at - 1) / 3 + (names ~ /^jan/) : -1
}
BEGIN {
	split(now, t, " ")
	nick["@hourly"] = "0 * * * *"; nick["@daily"] = nick["@midnight"] = "0 0 * * *"
	nick["@weekly"] = "0 0 * * 0"; nick["@monthly"] = "0 0 1 * *"; nick["@yearly"] = nick["@annually"] = "0 0 1 1 *"
}
/^[ \t]*(#|$)/ || /^[A-Za-z_]+=/ { next }
{
	line = $0
	sub(/^[ \t]+/, "", line)
	if ($1 in nick) sub(/^@[a-z]+/, nick[$1], line)
	if (split(line, f, /[ \t]+/) < 6) next
	day = matches(f[3], t[3], 1, 31); week = matches(f[5], t[5], 0, 7, "sunmontuewedthufrisat")
	ok = (f[3] ~ /^\*/ || f[5] ~ /^\*/) ? day && week : day || week
	if (!ok || !matches(f[1], t[1], 0, 59) || !matches(f[2], t[2], 0, 23)) next
	if (!matches(f[4], t[4], 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec")) next
	for (i = 1; i <= 5; i++) sub(/^[^ \t]+[ \t]+/, "", line)
	print line
}
