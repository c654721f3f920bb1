package ha_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources lists the files of the repository with that ending.
func sources(t *testing.T, ending string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ending) {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?\n```[ \t]*$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names that GitHub gives the headings of a page.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		name := notAnchor.ReplaceAllString(strings.ToLower(h[1]), "")
		out[strings.ReplaceAll(name, " ", "-")] = true
	}
	return out
}

func TestDocsLinksResolve(t *testing.T) {
	pages := sources(t, ".md")
	if len(pages) < 3 {
		t.Fatalf("found only %q", pages)
	}
	for _, page := range pages {
		prose := codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(read(t, page), ""), "")
		for _, match := range link.FindAllStringSubmatch(prose, -1) {
			target := match[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue // other people's pages come and go; a test must not depend on them
			}
			path, anchor, _ := strings.Cut(target, "#")
			file := page
			if path != "" {
				file = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which is not there", page, target)
				continue
			}
			if anchor != "" && !anchors(read(t, file))[anchor] {
				t.Errorf("%s links to %s, which has no such heading", page, target)
			}
		}
	}
}

var errorCode = regexp.MustCompile(`\.(?:Invalid|NotFound|Conflict|TooLarge|Overloaded|Unavailable)\(\s*"([a-z0-9_]+)"`)

// notOnTheWire are codes of errors that only a program of ours sees.
var notOnTheWire = map[string]string{
	"invalid_prefix": "a setting, refused at start",
	"invalid_reply":  "made by whoever reads a reply",
	"invalid_work":   "made by a worker that reads an order",
	"line_too_long":  "a line of a file that the command reads",
}

// fieldCode is where package subjects names a field whose refusal has the code
// "invalid_" and that name.
var fieldCode = regexp.MustCompile(`(?:\bbadToken|checkNames|checkID|checkTime|checkMillis|checkNesting|Sprintf|named)[({]"([a-z_]+)["\[]`)

func TestDocsNameEveryErrorCode(t *testing.T) {
	protocol := read(t, "docs/protocol.md")
	found := 0
	for _, file := range sources(t, ".go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range errorCode.FindAllStringSubmatch(read(t, file), -1) {
			code := match[1]
			found++
			if notOnTheWire[code] == "" && !strings.HasSuffix(code, "_") && !strings.Contains(protocol, "`"+code+"`") {
				t.Errorf("%s refuses with %s, which docs/protocol.md does not explain", file, code)
			}
		}
	}
	for _, file := range sources(t, ".go") {
		if filepath.Dir(file) != "subjects" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range fieldCode.FindAllStringSubmatch(read(t, file), -1) {
			code := "invalid_" + match[1]
			found++
			if notOnTheWire[code] == "" && !strings.Contains(protocol, "`"+code+"`") {
				t.Errorf("%s refuses with %s, which docs/protocol.md does not explain", file, code)
			}
		}
	}
	if found < 40 {
		t.Errorf("found only %d error codes: is the pattern still right?", found)
	}
}
