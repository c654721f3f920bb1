package ha_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// architecture is the page that shows the packages.
const architecture = "docs/architecture.md"

// layersOf reads the picture: which line each package stands on, from the top.
func layersOf(t *testing.T, page string) map[string]int {
	t.Helper()
	block := regexp.MustCompile("(?s)```layers\n(.*?)```").FindStringSubmatch(page)
	if block == nil {
		t.Fatalf("%s has no block called layers", architecture)
	}
	layers := map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(block[1]), "\n") {
		for name := range strings.FieldsSeq(line) {
			if _, twice := layers[name]; twice {
				t.Errorf("%s is in the picture twice", name)
			}
			layers[name] = i
		}
	}
	return layers
}

// pictureFaults says in what the picture differs from the packages: one is missing, one does not
// exist, or one imports another that does not stand below it.
func pictureFaults(layers map[string]int, pkgs []listed) (faults []string) {
	exists := map[string]bool{}
	for _, p := range pkgs {
		name, ours := ourName(p.ImportPath)
		if !ours {
			continue
		}
		exists[name] = true
		line, drawn := layers[name]
		if !drawn {
			faults = append(faults, name+" is not in the picture")
			continue
		}
		for _, imported := range p.Imports {
			other, ours := ourName(imported)
			if below, drawn := layers[other]; ours && drawn && below <= line {
				faults = append(faults, name+" imports "+other+", which does not stand below it")
			}
		}
	}
	for name := range layers {
		if !exists[name] {
			faults = append(faults, name+" is in the picture and does not exist")
		}
	}
	return faults
}

func TestDocsArchitectureShowsThePackages(t *testing.T) {
	for _, fault := range pictureFaults(layersOf(t, read(t, architecture)), goList(t, ".", "./...")) {
		t.Error(fault)
	}
}

func TestDocsArchitecturePictureBites(t *testing.T) {
	pkgs := []listed{
		{ImportPath: module + "/a", Imports: []string{module + "/b", "fmt"}}, {ImportPath: module + "/b", Imports: []string{module + "/c"}},
		{ImportPath: module + "/c"},
	}
	for name, c := range map[string]struct {
		layers map[string]int
		want   string
	}{
		"right":        {map[string]int{"a": 0, "b": 1, "c": 2}, ""},
		"missing":      {map[string]int{"a": 0, "b": 1}, "c is not in the picture"},
		"too much":     {map[string]int{"a": 0, "b": 1, "c": 2, "d": 3}, "d is in the picture and does not exist"},
		"upwards":      {map[string]int{"a": 0, "b": 2, "c": 1}, "b imports c, which does not stand below it"},
		"side by side": {map[string]int{"a": 0, "b": 1, "c": 1}, "b imports c, which does not stand below it"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(pictureFaults(c.layers, pkgs), "; "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestDocsNameFilesThatExist is about the files of the code that any page names with their
// folder.
func TestDocsNameFilesThatExist(t *testing.T) {
	pattern := regexp.MustCompile("`((?:[\\w.-]+/)+[\\w.-]+\\.(?:go|md|sh))`")
	found := 0
	for _, page := range sources(t, ".md") {
		for _, f := range pattern.FindAllStringSubmatch(read(t, page), -1) {
			found++
			if _, err := os.Stat(f[1]); err != nil {
				t.Errorf("%s names %s: %v", page, f[1], err)
			}
		}
	}
	if found < 40 {
		t.Fatalf("found only %d files: is the pattern still right?", found)
	}
}

// TestDocsArchitectureIsShort enough to be read.
func TestDocsArchitectureIsShort(t *testing.T) {
	if lines := strings.Count(read(t, architecture), "\n"); lines > 150 {
		t.Errorf("%s has %d lines, at most 150 are wanted", architecture, lines)
	}
}
