package rawjson

import "strconv"

// trail is the way from the whole value to an object in it. Each step has the one before.
type trail struct {
	shape  *Shape
	before *trail
	// name is that of the field or, if list is set, index that of the entry which led here.
	name  []byte
	index int
	list  bool
}

// path returns the names and indexes on the way, and the dot after them if there are any.
func (t *trail) path() string {
	at := ""
	if t.before == nil {
		return at
	}
	for ; t.before != nil; t = t.before {
		step := "." + unquote(t.name)
		if t.list {
			step = "[" + strconv.Itoa(t.index) + "]"
		}
		at = step + at
	}
	if at[0] == '.' {
		at = at[1:]
	}
	return at + "."
}

// walker finds the names that no field has.
type walker struct {
	body []byte
	// unknown is told of each: where it stands between its quotes, and in what object. It
	// returns false to end the walk.
	unknown func(start, end int, at trail) bool
}

// walk calls unknown for each name in body that the shape does not have. It does not
// judge the JSON: of what is malformed it walks through a part.
func (s *Shape) walk(body []byte, unknown func(start, end int, at trail) bool) {
	w := walker{body, unknown}
	w.value(w.blanks(0), &trail{shape: s})
}

// value walks through the value that begins at i, and returns what follows it, or -1 to
// end the walk.
func (w *walker) value(i int, at *trail) int {
	if i >= len(w.body) || w.body[i] != at.shape.opened {
		return w.skip(i)
	}
	if at.shape.opened == '[' {
		return w.list(i+1, at)
	}
	return w.object(i+1, at)
}

func (w *walker) list(i int, at *trail) int {
	for n := 0; ; n++ {
		if i = w.blanks(i); i >= len(w.body) {
			return -1
		}
		if w.body[i] == ']' {
			return i + 1
		}
		before := i
		if i = w.value(i, &trail{shape: at.shape.each, before: at, index: n, list: true}); i <= before {
			return -1 // it ended, or there is no value
		}
		if i = w.blanks(i); i < len(w.body) && w.body[i] == ',' {
			i++
		}
	}
}

func (w *walker) object(i int, at *trail) int {
	for {
		if i = w.blanks(i); i >= len(w.body) {
			return -1
		}
		if w.body[i] == '}' {
			return i + 1
		}
		if w.body[i] != '"' {
			return -1
		}
		start := i + 1
		if i = w.quoted(i); i < 0 {
			return -1
		}
		name := w.body[start : i-1]
		shape, known := at.shape.field(name)
		if !known && !w.unknown(start, i-1, *at) {
			return -1
		}
		if i = w.blanks(i); i >= len(w.body) || w.body[i] != ':' {
			return -1
		}
		if i = w.blanks(i + 1); shape == nil {
			i = w.skip(i)
		} else {
			i = w.value(i, &trail{shape: shape, before: at, name: name})
		}
		if i < 0 {
			return -1
		}
		if i = w.blanks(i); i < len(w.body) && w.body[i] == ',' {
			i++
		}
	}
}

// field returns the shape of the field of that name, and whether there is one. Every name
// of a map is known.
func (s *Shape) field(name []byte) (shape *Shape, known bool) {
	if s.fields == nil {
		return s.each, true
	}
	if shape, known = s.fields[string(name)]; known {
		return shape, true
	}
	shape, known = s.fields[unquote(name)] // as it may be written with escapes
	return shape, known
}

func (w *walker) blanks(i int) int {
	for i < len(w.body) && (w.body[i] == ' ' || w.body[i] == '\n' || w.body[i] == '\t' || w.body[i] == '\r') {
		i++
	}
	return i
}

// quoted returns what follows the string whose opening quote stands at i, or -1.
func (w *walker) quoted(i int) int {
	for i++; i < len(w.body); i++ {
		i += countPlain(w.body[i:])
		for i < len(w.body) && w.body[i] != '"' && w.body[i] != '\\' {
			i++
		}
		if i < len(w.body) && w.body[i] == '"' {
			return i + 1
		}
		i++ // what is escaped
	}
	return -1
}

// skip returns what follows the value that begins at i, however deep it is nested, or -1.
func (w *walker) skip(i int) int {
	for depth := 0; i < len(w.body); {
		switch w.body[i] {
		case '"':
			if i = w.quoted(i); i < 0 {
				return -1
			}
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // the end of what the value, a number or a word, stands in
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}
