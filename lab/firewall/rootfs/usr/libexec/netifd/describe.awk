# From `uci -n export network`: one line an interface that is not disabled: NAME AUTO =CONF =DEVICES =ROUTES, for `reload` to compare. CONF
# holds the options of the interface (without auto), whose change restarts it; DEVICES those of the devices below it; ROUTES its metric and its
# routes, which change without a restart. Blanks become "_".

# Options of a device and of what it stands on, each once.
function stack(device, seen,   section, out, i, n, parts) {
	if (device == "" || (device in seen)) return ""
	seen[device] = 1
	section = device_section[device]
	out = section == "" ? "" : options[section]
	n = split(option[section, "ports"] " " option[section, "ifname"], parts, " ")
	for (i = 1; i <= n; i++) out = out stack(parts[i], seen)
	if (section == "" && device ~ /\./) { sub(/\.[^.]*$/, "", device); out = out stack(device, seen) }
	return out
}

# The text between the quotes that begin at the third word.
function value(   text) {
	text = $0
	sub(/^[ \t]*[a-z]+ [^ ]+ '?/, "", text)
	sub(/'$/, "", text)
	return text
}

$1 == "config" {
	section = value()
	type[section] = $2
	order[++count] = section
	next
}
$1 == "option" || $1 == "list" {
	text = value()
	if ((section, $2) in option) option[section, $2] = option[section, $2] " " text
	else option[section, $2] = text
	if ($2 == "name" && type[section] == "device") device_section[text] = section
	gsub(/[ \t]/, "_", text)
	if ($2 != "auto" && ($2 != "metric" || type[section] != "interface")) options[section] = options[section] $2 "=" text ";"
	next
}
# The rest of a value of several lines.
section != "" {
	text = $0
	gsub(/[ \t]/, "_", text)
	options[section] = options[section] text
}

END {
	for (i = 1; i <= count; i++) {
		section = order[i]
		if (type[section] != "interface" || option[section, "disabled"] == "1") continue
		split("", seen)
		device = option[section, "device"]
		routes = option[section, "metric"] ";"
		for (j = 1; j <= count; j++)
			if (type[order[j]] ~ /^route6?$/ && option[order[j], "interface"] == section) routes = routes options[order[j]]
		auto = option[section, "auto"] == "0" ? 0 : 1
		print section, auto, "=" options[section], "=" stack(device, seen), "=" routes
	}
}
