# usage: awk -f manifest.awk STEM.cu STEM.sm_NN.ptx: the target and entries of a PTX file as members of a JSON object.
# Names of arguments are those of the source: instances of a macro or of one line "entry NAME(TYPE NAME, ...)", found by position.
function quote(s) { return "\"" s "\"" }

# The source: arguments of every entry, and of every macro that makes entries.
FNR == NR {
  text = text " " $0
  next
}
FNR == 1 {
  rest = text
  gsub(/\/\*[^*]*\*\//, "", rest)
  gsub(/\\/, " ", rest)
  # "entry bounds(...) void name(arguments)" with ## pasted names kept as a pattern.
  while (match(rest, /entry[ ]+(bounds\([^)]*\)[ ]+)?void[ ]+[A-Za-z0-9_#]+[ ]*\(/)) {
    head = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    name = head
    sub(/[ ]*\($/, "", name)
    sub(/^.*[ ]/, "", name)
    list = rest
    sub(/\).*/, "", list)
    # A name pasted of a macro's arguments matches what begins as it does.
    sub(/##.*/, "*", name)
    names[++count] = name
    lists[name] = list
  }
}

/^\.version/ { version = $2 }
/^\.target/ { target = $2; sub(/,.*/, "", target) }
/^\.visible \.entry/ {
  current = $3
  sub(/\(.*/, "", current)
  entries[++entryCount] = current
  parameters = 0
  threads[current] = 0
  blocks[current] = 0
}
/^[ \t]*\.param/ && current != "" && !closed[current] {
  type = $2
  size = 0
  align = 0
  word = 2
  if (type == ".align") { align = $3; type = $4; word = 4 }
  nameField = $(word + 1)
  bytes = substr(type, 3) / 8
  if (nameField ~ /\[/) { n = nameField; sub(/.*\[/, "", n); sub(/\].*/, "", n); bytes = bytes * n }
  types[current, parameters] = substr(type, 2)
  sizes[current, parameters] = bytes
  aligns[current, parameters] = align ? align : bytes
  parameterCount[current] = ++parameters
}
/^\)/ { closed[current] = 1 }
/^\.maxntid/ { t = $2; sub(/,.*/, "", t); threads[current] = t }
/^\.minnctapersm/ { blocks[current] = $2 }
/^[ \t]*\.shared/ {
  # ".shared .align A .b8 NAME[BYTES];" in the body of an entry, or of the file.
  n = $0
  sub(/.*\[/, "", n)
  sub(/\].*/, "", n)
  owner = current == "" ? "*" : current
  sharedBytes[owner] += n
}
/^\.extern \.shared/ { dynamic = 1 }

function argument(name, at,   key, list, k, parts, n, word) {
  list = ""
  for (k = 1; k <= count; k++) {
    key = names[k]
    if (key == name || key ~ /\*$/ && substr(name, 1, length(key) - 1) == substr(key, 1, length(key) - 1)) { list = lists[key]; break }
  }
  n = split(list, parts, ",")
  if (at + 1 > n) return "argument" at
  word = parts[at + 1]
  gsub(/[*&]/, " ", word)
  sub(/[ ]+$/, "", word)
  sub(/^.*[ ]/, "", word)
  return word
}

END {
  printf "      \"target\": %s,\n      \"isa\": %s,\n      \"entries\": [", quote(target), quote(version)
  for (e = 1; e <= entryCount; e++) {
    name = entries[e]
    printf "%s\n        {\n          \"name\": %s,\n          \"threads\": %d,\n          \"min_blocks\": %d,\n          \"shared_bytes\": %d,\n          \"dynamic_shared\": %s,\n          \"arguments\": [", (e > 1 ? "," : ""), quote(name), threads[name], blocks[name], sharedBytes[name] + sharedBytes["*"], dynamic ? "true" : "false"
    offset = 0
    for (i = 0; i < parameterCount[name]; i++) {
      a = aligns[name, i]
      offset = int((offset + a - 1) / a) * a
      printf "%s\n            { \"name\": %s, \"type\": %s, \"offset\": %d, \"bytes\": %d }", (i > 0 ? "," : ""), quote(argument(name, i)), quote(types[name, i]), offset, sizes[name, i]
      offset += sizes[name, i]
    }
    printf "\n          ],\n          \"argument_bytes\": %d\n        }", offset
  }
  printf "\n      ]"
}
