# One line of JSON to the form that ubus prints without -S: a member a line, indented by tabs; an empty list or object holds an empty line.

function line(n,   i) {
	printf "\n"
	for (i = 0; i < n; i++) printf "\t"
}

{ text = text $0 }

END {
	while (text != "") {
		if (match(text, /^"([^"\\]|\\.)*"/) || match(text, /^[^][{},:" \t]+/)) {
			printf "%s", substr(text, 1, RLENGTH)
			text = substr(text, RLENGTH + 1)
			continue
		}
		c = substr(text, 1, 1)
		text = substr(text, 2)
		if (c == "{" || c == "[") {
			printf "%s", c
			line(++depth)
		} else if (c == "}" || c == "]") {
			line(--depth)
			printf "%s", c
		} else if (c == ",") {
			printf ","
			line(depth)
		} else if (c == ":") printf ": "
	}
	printf "\n"
}
