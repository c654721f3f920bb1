package ha_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pure are the packages in which the same input must give the same result, in
// this process and in the next.
var pure = []string{
	"./internal/text",
	"./dispatcher/internal/record", "./dispatcher/internal/step", "./dispatcher/internal/fleet", "./dispatcher/internal/tasks",
	"./dispatcher/internal/core", "./dispatcher/internal/share", "./dispatcher/internal/retry", "./dispatcher/internal/term",
}

// sortedMark on the line of a range over a map, or on the one before, allows
// it. A reason must follow: why the order decides nothing.
const sortedMark = "//ha:sorted"

// clock are the functions of package time that look at the clock or wait for it.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}

func TestCoreIsPure(t *testing.T) {
	for _, p := range pure {
		t.Run(filepath.Base(p), func(t *testing.T) {
			for _, v := range impurities(t, ".", p) {
				t.Error(v)
			}
		})
	}
}

// impurities says each place in the package's own code, not in its tests, that
// asks the clock, starts or waits for a goroutine, or lets the order of a map decide.
func impurities(t *testing.T, dir, pkg string) []string {
	t.Helper()
	exports := map[string]string{}
	var self listed
	for _, p := range goList(t, dir, "-export", "-deps", pkg) {
		exports[p.ImportPath] = p.Export
		self = p // -deps lists the package itself last
	}
	fset := token.NewFileSet()
	files := make([]*ast.File, 0, len(self.GoFiles))
	for _, name := range self.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(self.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	if _, err := config.Check(self.ImportPath, fset, files, info); err != nil {
		t.Fatalf("type-check %s: %v", pkg, err)
	}
	check := purity{fset: fset, info: info}
	for _, f := range files {
		check.marks = sortedMarks(fset, f, check.bad)
		check.sorted = map[ast.Expr]bool{}
		ast.Inspect(f, check.visit)
	}
	return check.found
}

// purity is one walk over the source of a package.
type purity struct {
	fset  *token.FileSet
	info  *types.Info
	marks map[int]bool
	// sorted holds the calls whose result is put in order before it is used.
	sorted map[ast.Expr]bool
	found  []string
}

func (p *purity) bad(pos token.Pos, what string) {
	at := p.fset.Position(pos)
	p.found = append(p.found, fmt.Sprintf("%s:%d: %s", filepath.Base(at.Filename), at.Line, what))
}

// sortedMarks are the lines on which a mark allows a range over a map.
func sortedMarks(fset *token.FileSet, f *ast.File, bad func(token.Pos, string)) map[int]bool {
	marks := map[int]bool{}
	for _, group := range f.Comments {
		for _, c := range group.List {
			reason, ok := strings.CutPrefix(c.Text, sortedMark)
			if !ok {
				continue
			}
			if len(strings.TrimSpace(reason)) < 10 {
				bad(c.Pos(), sortedMark+" needs a reason why the order decides nothing")
			}
			line := fset.Position(c.Pos()).Line
			marks[line], marks[line+1] = true, true
		}
	}
	return marks
}

func (p *purity) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		p.bad(n.Pos(), "starts a goroutine: one goroutine, the caller's, owns the state")
	case *ast.SelectStmt:
		p.bad(n.Pos(), "select chooses by chance among what is ready")
	case *ast.ChanType:
		p.bad(n.Pos(), "a channel waits for somebody else")
	case *ast.CallExpr:
		if pkg, name := p.callee(n.Fun); pkg == "slices" && strings.HasPrefix(name, "Sorted") && len(n.Args) > 0 {
			p.sorted[n.Args[0]] = true
		}
		p.visitMapWalk(n)
	case *ast.SelectorExpr:
		if pkg, name := p.callee(n); pkg == "time" && slices.Contains(clock, name) {
			p.bad(n.Pos(), "time."+name+" asks the clock: the time is in the input")
		}
	case *ast.RangeStmt:
		_, isMap := p.info.TypeOf(n.X).Underlying().(*types.Map)
		if isMap && n.Key != nil && !p.marked(n) {
			p.bad(n.Pos(), "ranges over a map, whose order is chance: sort the keys, or say after "+sortedMark+" why it decides nothing")
		}
	}
	return true
}

// visitMapWalk looks at the functions of package maps that go over a map.
func (p *purity) visitMapWalk(call *ast.CallExpr) {
	pkg, name := p.callee(call.Fun)
	if pkg == "maps" && slices.Contains([]string{"Keys", "Values", "All"}, name) && !p.sorted[call] && !p.marked(call) {
		p.bad(call.Pos(), "maps."+name+" gives them in the order of chance: wrap it in slices.Sorted")
	}
}

func (p *purity) marked(n ast.Node) bool { return p.marks[p.fset.Position(n.Pos()).Line] }

// callee is the package and name of a package-level function, however the
// package was named on import; methods have none.
func (p *purity) callee(fun ast.Expr) (pkg, name string) {
	if index, ok := fun.(*ast.IndexExpr); ok {
		fun = index.X
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	f, ok := p.info.Uses[sel.Sel].(*types.Func)
	if !ok || f.Pkg() == nil || f.Signature().Recv() != nil {
		return "", ""
	}
	return f.Pkg().Path(), f.Name()
}

// TestPurityBites proves the checker on a package with every fault it looks
// for, and on what only looks like one.
func TestPurityBites(t *testing.T) {
	const source = `package core

import (
	"maps"
	"slices"
	clock "time"
)

type byName map[string]int

func faults(m byName, a, b chan int) (out []string) {
	_ = clock.Now() // want clock
	f := clock.Since // want clock
	_ = f
	go faults(nil, nil, nil) // want goroutine
	select { // want select
	default:
	}
	for k := range m { // want map
		out = append(out, k)
	}
	for k := range maps.Keys(m) { // want Keys
		out = append(out, k)
	}
	//ha:sorted
	for range 3 {
	}
	return out
}

func fine(m byName, at clock.Time) (n int, keys []string) {
	if at.After(clock.Time{}) && at.Sub(at) < clock.Second {
		n++
	}
	for _, v := range m { //ha:sorted a sum is the same in every order
		n += v
	}
	//ha:sorted counts are the same in every order
	for range m {
		n++
	}
	for range m {
		n++
	}
	for _, k := range []string{"a"} {
		keys = append(keys, k)
	}
	return n, append(keys, slices.Sorted(maps.Keys(m))...)
}
`
	dir := writeModule(t, map[string]string{"core/core.go": source})
	got := impurities(t, dir, "./core")
	var want []string
	for i, line := range strings.Split(source, "\n") {
		at := fmt.Sprintf("core.go:%d:", i+1)
		if strings.Contains(line, "// want") || strings.Contains(line, "chan int") || strings.TrimSpace(line) == sortedMark {
			want = append(want, at)
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) }) {
			t.Errorf("not noticed: %s %s", w, strings.Split(source, "\n")[lineOf(w)-1])
		}
	}
	for _, g := range got {
		if !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(g, w) }) {
			t.Errorf("wrongly refused: %s", g)
		}
	}
}

func lineOf(at string) (line int) {
	_, _ = fmt.Sscanf(at, "core.go:%d:", &line)
	return line
}
