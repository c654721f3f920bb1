package ha_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed261fe303/ha"

// rule says what the packages that match may import, besides the standard
// library, and why. Names of ours are relative to the module, "." being the
// root; a name that ends in "/..." matches everything below.
type rule struct {
	packages string
	ours     []string
	external []string
	// forbidden packages of the standard library.
	forbidden []string
	// testOnly: nothing but tests may import it, and it may import test helpers.
	testOnly bool
	// testing: it is there for tests, and may import package testing.
	testing bool
	why     string
}

// impure is what makes the same input give different results, or does I/O.
var impure = []string{
	"context", "crypto/rand", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec",
	"os/signal", "runtime", "sync", "sync/atomic", "syscall", "unsafe",
}

const (
	natsClient = "github.com/nats-io/nats.go"
	natsServer = "github.com/nats-io/nats-server/v2"
	zerolog    = "github.com/rs/zerolog"
)

// importRules are tried in order; the first that matches a package is its rule.
var importRules = []rule{
	{packages: ".", forbidden: impure,
		why: "the vocabulary is what every package speaks: were it to import one of them, they could not import it"},
	{packages: "internal/text", forbidden: impure,
		why: "to cut and to quote text is the same for all; the pure core does it too"},
	{packages: "subjects/internal/rawjson", ours: []string{".", "internal/text"}, forbidden: impure,
		why: "reading and writing JSON by hand knows no message, so that each message stands in one place, above it"},
	{packages: "subjects", ours: []string{".", "internal/text", "subjects/internal/rawjson"}, forbidden: impure,
		why: "the wire is names and JSON; whoever writes a worker of their own can use it without a server or a dispatcher"},
	{packages: "internal/pause", why: "how to wait is the same for all, and knows nothing of what is waited for"},
	{packages: "internal/roam", ours: []string{"internal/pause"}, external: []string{natsClient},
		why: "it moves a connection, and knows nothing of what is said over it"},
	{packages: "internal/asking", ours: []string{"subjects"}, external: []string{natsClient},
		why: "an answer is told from what else comes by the wire alone, whoever asks"},
	{packages: "internal/problems", ours: []string{"."}, forbidden: impure,
		why: "how a Config says what is wrong with it is the same for all; it needs the error that they match"},
	{packages: "embedded", ours: []string{".", "internal/problems", "internal/text"}, external: []string{natsServer, natsClient, zerolog},
		why: "the server is one part of many that the command puts together; it knows nothing of dispatching"},
	{packages: "connect", ours: []string{".", "internal/pause", "internal/problems"}, external: []string{natsClient, zerolog, "github.com/nats-io/jsm.go/natscontext"},
		why: "how to reach NATS and stay connected depends on NATS alone"},
	{packages: "dispatcher/internal/share", forbidden: impure,
		why: "selection is arithmetic on weights and counts"},
	{packages: "dispatcher/internal/format", forbidden: impure,
		why: "the number of a format is known to whatever reads or writes a journal's bytes"},
	{packages: "dispatcher/internal/retry", forbidden: impure,
		why: "when to try again is arithmetic; chance is an argument"},
	{packages: "dispatcher/internal/record", ours: []string{".", "dispatcher/internal/format"}, forbidden: impure,
		why: "a record is fields and their bytes; what it does to the state is the business of the parts"},
	{packages: "dispatcher/internal/step", ours: []string{".", "dispatcher/internal/record"}, forbidden: impure,
		why: "the ports of the state machine know what is recorded, and no part"},
	{packages: "dispatcher/internal/fleet", ours: []string{".", "dispatcher/internal/record", "dispatcher/internal/step", "dispatcher/internal/share"},
		forbidden: impure,
		why:       "the fleet knows workers and that something occupies their slots; what that is, other parts know"},
	{packages: "dispatcher/internal/tasks",
		ours:      []string{".", "dispatcher/internal/record", "dispatcher/internal/step", "dispatcher/internal/fleet", "dispatcher/internal/retry", "internal/text"},
		forbidden: impure,
		why:       "tasks run on the fleet, and know no other part of the state machine"},
	{packages: "dispatcher/internal/core",
		ours:      []string{".", "dispatcher/internal/format", "dispatcher/internal/record", "dispatcher/internal/step", "dispatcher/internal/fleet", "dispatcher/internal/tasks"},
		forbidden: impure,
		why:       "leader and standby must reach the same state from the same records: no I/O, no clock, no chance"},
	{packages: "dispatcher/internal/journal", ours: []string{"dispatcher/internal/format"}, external: []string{natsClient, zerolog},
		why: "the journal stores bytes in order; what they mean is the core's business"},
	{packages: "dispatcher/internal/mark", external: []string{"golang.org/x/sys/unix"},
		why: "a mark is a number in a file; what it is about is for others to say"},
	{packages: "dispatcher/internal/term", ours: append([]string{"subjects", "dispatcher/internal/journal", "dispatcher/internal/mark"}, machine...), forbidden: impure,
		why: "what a dispatcher decides is the same in the simulated world: goroutines, timers and NATS are for who drives it"},
	{packages: "dispatcher/internal/sim", ours: append([]string{"subjects", "dispatcher/internal/journal", "dispatcher/internal/mark", "dispatcher/internal/term"}, machine...),
		testOnly: true,
		why:      "the simulation drives a dispatcher's terms as the dispatcher does, without a network; no product code may depend on it"},
	{packages: "dispatcher/internal/book", ours: append([]string{"dispatcher/internal/journal"}, machine...), testOnly: true,
		why: "the journals that tests look into come from the core, without a dispatcher; no product code may depend on it"},
	{packages: "dispatcher/internal/salvage",
		ours:      []string{".", "dispatcher/internal/format", "dispatcher/internal/journal", "dispatcher/internal/record", "dispatcher/internal/step", "dispatcher/internal/tasks", "dispatcher/internal/core"},
		forbidden: impure,
		why:       "what is made of a damaged journal depends on its entries alone"},
	{packages: "dispatcher/audit",
		ours:     []string{".", "subjects", "dispatcher/internal/record", "dispatcher/internal/core", "dispatcher/internal/journal"},
		external: []string{natsClient},
		why:      "looking into a journal means reading it as it is: no dispatcher runs, and none is asked"},
	{packages: "dispatcher/backup", ours: []string{"subjects", "internal/pause", "dispatcher/internal/journal", "dispatcher/internal/salvage"}, external: []string{natsClient},
		why: "a backup is the journal's entries as they are; what they mean, and what can be made of damaged ones, is for others to say"},
	{packages: "dispatcher", ours: []string{".", "subjects", "internal/...", "dispatcher/internal/..."},
		external: []string{natsClient, zerolog, "golang.org/x/sys/unix"},
		why: "a dispatcher reaches workers over the wire only, brings no server into the program that uses it," +
			" and runs without what looks into journals and copies them"},
	{packages: "worker", ours: []string{".", "subjects", "internal/..."}, external: []string{natsClient, "github.com/nats-io/nuid", zerolog},
		why: "a worker knows the wire, not the dispatcher behind it"},
	{packages: "client", ours: []string{".", "subjects", "internal/..."}, external: []string{natsClient, "github.com/nats-io/nuid", zerolog},
		why: "who hands in tasks knows the wire, and takes neither a dispatcher nor a worker, let alone a server, into the program"},
	{packages: "node", ours: []string{".", "internal/pause", "internal/problems", "embedded", "connect", "dispatcher", "client"}, external: []string{natsClient, zerolog},
		why: "it puts server, dispatcher and connection of a process together; which workers run beside them is the program's business"},
	{packages: "hatest", ours: []string{".", "subjects", "client", "worker", "dispatcher", "node"}, external: []string{natsClient}, testing: true,
		why: "it puts the parts together for the tests of others, as the command does for people"},
	{packages: "cmd/ha/internal/cli", ours: []string{".", "subjects", "internal/..."}, external: commandLine,
		why: "what all commands have in common knows no command and nothing that only some of them are for, so that a new command changes nothing there"},
	{packages: "cmd/ha/internal/program", ours: []string{".", "subjects"}, external: []string{zerolog, "golang.org/x/sys/unix"},
		why: "running a program has nothing to do with where its task comes from"},
	{packages: "cmd/ha/internal/render", ours: []string{".", "subjects", "client", "internal/text", "cmd/ha/internal/cli"},
		why: "what people read is made of the messages alone, without asking anybody"},
	{packages: "cmd/ha/...", ours: append([]string{"internal/..."}, publicPackages...), external: commandLine,
		why: "the command is the only place where the parts are put together, from the outside, as a user would"},
	{packages: "internal/process",
		why: "what runs a process need not know which: the proofs, the comparison with other systems and the tests of the command share it"},
	{packages: "internal/eventually", testing: true, testOnly: true,
		why: "waiting in tests is for tests; a product that polls says how and why in its own place"},
	{packages: "internal/smalldisk", testing: true, testOnly: true,
		why: "a disk that is soon full is for tests, of whatever writes to one"},
	{packages: "internal/fake", ours: []string{".", "subjects", "internal/eventually"}, external: []string{natsClient}, testing: true, testOnly: true,
		why: "a fake of a dispatcher knows the wire as whatever speaks to one does, and is of no use but to tests"},
	{packages: "examples/...", ours: publicPackages, external: []string{natsClient, zerolog},
		why: "an example that reaches into internal packages cannot be copied by anyone"},
	{packages: "proof/...", ours: append([]string{"proof/...", "internal/process", "internal/pause"}, publicPackages...), external: proofTools,
		why: "the proof runs the built binary and reads the wire, as somebody who trusts nothing of the code would"},
}

var (
	// machine is what those may import that drive the state machine.
	machine = []string{
		".", "dispatcher/internal/format", "dispatcher/internal/record", "dispatcher/internal/step", "dispatcher/internal/fleet", "dispatcher/internal/tasks", "dispatcher/internal/core",
	}
	publicPackages = []string{".", "subjects", "embedded", "connect", "dispatcher", "dispatcher/audit", "dispatcher/backup",
		"worker", "client", "node", "hatest", "cmd/ha/..."}
	commandLine = []string{natsClient, zerolog, "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/mattn/go-isatty", "github.com/schollz/progressbar/v3", "golang.org/x/term"}
	proofTools  = []string{natsClient, zerolog, "github.com/anishathalye/porcupine", "golang.org/x/sys"}
	testHelpers = []string{"testing/...", "pgregory.net/rapid", "go.uber.org/goleak"}
)

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath                               string
	Dir                                      string
	GoFiles                                  []string
	Imports, Deps, TestImports, XTestImports []string
	Export                                   string
	Standard                                 bool
}

func goList(t *testing.T, dir string, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Dir,GoFiles,Imports,Deps,TestImports,XTestImports,Export,Standard"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	var pkgs []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list %v: %v", args, err)
		}
		pkgs = append(pkgs, p)
	}
}

func matches(pattern, path string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == below || strings.HasPrefix(path, below+"/")
	}
	return path == pattern
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// ourName is path relative to the module; ok is false for everybody else's.
func ourName(path string) (name string, ok bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

func ruleOf(name string) (rule, bool) {
	for _, r := range importRules {
		if matches(r.packages, name) {
			return r, true
		}
	}
	return rule{}, false
}

// importViolations says each import of pkgs that breaks a rule.
func importViolations(pkgs []listed) []string {
	var out []string
	for _, p := range pkgs {
		name, ours := ourName(p.ImportPath)
		if !ours {
			continue
		}
		r, ok := ruleOf(name)
		if !ok {
			out = append(out, name+" has no rule: add one to importRules, with its reason")
			continue
		}
		bad := func(imported, why string) { out = append(out, fmt.Sprintf("%s imports %s: %s", name, imported, why)) }
		for _, imported := range p.Imports {
			if why := r.objection(name, imported); why != "" {
				bad(imported, why)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if name != "embedded" && matches(natsServer+"/...", imported) {
				bad(imported, "tests too start their servers through embedded, so that they test what is shipped")
			}
		}
		if !linksServer(name) && slices.ContainsFunc(p.Deps, func(d string) bool { return matches(natsServer+"/...", d) }) {
			bad(natsServer, "by way of another package; only what embeds a server may link one")
		}
	}
	return out
}

// linksServer reports whether a package may bring the server into a program.
// connect does so because what reads the contexts of the nats command line
// does; that is one more reason why dispatcher and worker may not import it. Of
// the command's packages few may, so that the tests of the others link none.
func linksServer(name string) bool {
	return matchesAny([]string{
		"embedded", "connect", "node", "hatest", "examples/...", "cmd/ha",
		"cmd/ha/internal/cli/dial", "cmd/ha/internal/cli/query", "cmd/ha/internal/demo", "cmd/ha/internal/tasks",
	}, name)
}

// objection says why the package of that name, whose rule r is, may not import
// the other; empty where it may.
func (r rule) objection(name, imported string) string {
	if matchesAny(testHelpers, imported) && !r.testOnly && (!r.testing || imported != "testing") {
		return "test helpers do not belong in the product"
	}
	if other, ours := ourName(imported); ours {
		if of, ok := ruleOf(other); ok && of.testOnly && !r.testOnly {
			return "it is for tests only"
		}
		if !matchesAny(r.ours, other) {
			return r.why
		}
		return ""
	}
	if matches(natsServer+"/...", imported) && name != "embedded" {
		return "embedded is the only importer of the server"
	}
	if domain, _, _ := strings.Cut(imported, "/"); strings.Contains(domain, ".") {
		if !slices.ContainsFunc(r.external, func(e string) bool { return matches(e+"/...", imported) }) {
			return fmt.Sprintf("of other modules it may import only %q: %s", r.external, r.why)
		}
		return ""
	}
	if slices.Contains(r.forbidden, imported) {
		return r.why
	}
	return ""
}

func TestImportRules(t *testing.T) {
	pkgs := goList(t, ".", "./...")
	for _, v := range importViolations(pkgs) {
		t.Error(v)
	}
	for _, r := range importRules {
		if r.why == "" {
			t.Errorf("the rule for %s gives no reason", r.packages)
		}
	}
}

// writeModule lays out a module of the same name as ours.
func writeModule(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	files["go.mod"] = "module " + module + "\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestImportRulesBite proves the checker on a module that breaks every kind of rule.
func TestImportRulesBite(t *testing.T) {
	source := func(pkg string, imports ...string) string {
		text := "package " + pkg + "\n"
		for _, i := range imports {
			text += "import _ \"" + i + "\"\n"
		}
		return text
	}
	dir := writeModule(t, map[string]string{
		"ha.go":                                 source("ha", "time", "math/rand"),
		"subjects/s.go":                         source("subjects", module, module+"/worker"),
		"worker/w.go":                           source("worker", module, "context", "testing", "go.uber.org/goleak"),
		"worker/w_test.go":                      source("worker_test", "testing", module+"/dispatcher", natsServer+"/server"),
		"embedded/e.go":                         source("embedded", natsServer+"/server", "context"),
		"embedded/e_test.go":                    source("embedded", natsServer+"/server"),
		"dispatcher/d.go":                       source("dispatcher", module+"/subjects", module+"/dispatcher/internal/sim", module+"/embedded", module+"/dispatcher/audit"),
		"dispatcher/backup/b.go":                source("backup", module+"/dispatcher/internal/journal", module+"/dispatcher/internal/core", module+"/dispatcher/audit"),
		"dispatcher/audit/a.go":                 source("audit", module+"/dispatcher/internal/core", module+"/dispatcher"),
		"dispatcher/internal/core/c.go":         source("core", module, "time", "context", module+"/subjects", zerolog),
		"dispatcher/internal/fleet/f.go":        source("fleet", module, module+"/dispatcher/internal/tasks"),
		"dispatcher/internal/tasks/t.go":        source("tasks", module),
		"dispatcher/internal/sim/s.go":          source("sim", "testing", module+"/dispatcher/internal/core"),
		"dispatcher/internal/share/s.go":        source("share", "math/bits"),
		"dispatcher/internal/share/s_test.go":   source("share", "math/rand/v2", "testing", "pgregory.net/rapid"),
		"cmd/ha/main.go":                        source("main", module+"/dispatcher", module+"/embedded", natsServer+"/server"),
		"examples/single/main.go":               source("main", module+"/worker"),
		"stray/s.go":                            source("stray"),
		"dispatcher/internal/journal/memory.go": source("journal", natsClient+"/jetstream", module),
	})
	want := []string{
		". imports math/rand",
		"subjects imports " + module + "/worker",
		"worker imports testing",
		"worker imports go.uber.org/goleak",
		"worker imports " + natsServer + "/server",
		"dispatcher imports " + module + "/dispatcher/internal/sim: it is for tests only",
		"dispatcher imports " + module + "/embedded",
		"dispatcher imports " + module + "/dispatcher/audit",
		"dispatcher/audit imports " + module + "/dispatcher:",
		"dispatcher/backup imports " + module + "/dispatcher/internal/core",
		"dispatcher/backup imports " + module + "/dispatcher/audit",
		"dispatcher imports " + natsServer + ": by way of another package",
		"dispatcher/internal/fleet imports " + module + "/dispatcher/internal/tasks: the fleet knows workers",
		"dispatcher/internal/core imports context",
		"dispatcher/internal/core imports " + module + "/subjects",
		"dispatcher/internal/core imports " + zerolog,
		"dispatcher/internal/journal imports " + module + ":",
		"cmd/ha imports " + natsServer + "/server: embedded is the only importer",
		"stray has no rule",
	}
	got := importViolations(goList(t, dir, "-e", "./..."))
	for _, w := range want {
		i := slices.IndexFunc(got, func(g string) bool { return strings.HasPrefix(g, w) })
		if i < 0 {
			t.Errorf("not noticed: %s", w)
			continue
		}
		got = slices.Delete(got, i, i+1)
	}
	for _, g := range got {
		if !strings.Contains(g, "by way of another package") {
			t.Errorf("wrongly refused: %s", g)
		}
	}
}
