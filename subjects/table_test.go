package subjects

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// matches reports whether a subscription receives what is sent to subject, token by
// token as a NATS server does.
func matches(subscription, subject string) bool {
	want, got := strings.Split(subscription, "."), strings.Split(subject, ".")
	for i, token := range want {
		switch {
		case i >= len(got):
			return false
		case token == ">":
			return true
		case token != "*" && token != got[i]:
			return false
		}
	}
	return len(want) == len(got)
}

// overlap reports whether there is a subject that both subscriptions receive.
func overlap(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		switch {
		case x[i] == ">" || y[i] == ">":
			return true
		case x[i] != "*" && y[i] != "*" && x[i] != y[i]:
			return false
		}
	}
	return len(x) == len(y)
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"ha.hello", "ha.hello", true}, {"ha.hello", "ha.workers", false}, {"ha.hb.*", "ha.hb.9f2c", true}, {"ha.hb.*", "ha.bye.*", false},
		{"ha.actor.>", "ha.actor.ask.*", true}, {"ha.actor.>", "ha.actor", false}, {"ha.*.submit", "ha.task.*", true}, {"ha.>", "ha.hello", true},
		{"ha.task.get", "ha.task.get.x", false}, {"ha.*", "ha.a.b", false},
	} {
		if overlap(c.a, c.b) != c.want || overlap(c.b, c.a) != c.want {
			t.Errorf("%s and %s overlap: want %t", c.a, c.b, c.want)
		}
	}
}

// checkSubscriptions wants each request to be received once, under the subscription
// that the table gives it.
func checkSubscriptions(t *testing.T, table []Request) {
	t.Helper()
	n := mustNames(t, "a.b")
	list := subscriptionsOf(table)
	for i, s := range list {
		for _, other := range list[i+1:] {
			if overlap(s.Subject(n), other.Subject(n)) || s.Name == other.Name {
				t.Errorf("%s on %s and %s on %s overlap", s.Name, s.Subject(n), other.Name, other.Subject(n))
			}
		}
	}
	for _, r := range table {
		for _, s := range list {
			own := slices.ContainsFunc(s.Requests, func(o Request) bool { return o.Name == r.Name })
			if got := matches(s.Subject(n), r.Subject(n, "9f2c")); got != own {
				t.Errorf("%s on %s is received under %s: %t, want %t", r.Name, r.Subject(n, "9f2c"), s.Subject(n), got, own)
			}
			if own && r.Subscription(n) != s.Subject(n) {
				t.Errorf("%s says that it is received under %s, not %s", r.Name, r.Subscription(n), s.Subject(n))
			}
		}
		if !matches(r.Pattern(n), r.Subject(n, "9f2c")) {
			t.Errorf("%s: %s is not of the pattern %s", r.Name, r.Subject(n, "9f2c"), r.Pattern(n))
		}
	}
}

func TestSubscriptionsReceiveEachRequestOnce(t *testing.T) {
	checkSubscriptions(t, Requests())
	for _, r := range Requests() {
		for _, other := range Requests() {
			if r.Topic == other.Topic && r.Ordered != other.Ordered {
				t.Errorf("%s and %s are of one topic, and one of them is ordered", r.Name, other.Name)
			}
		}
	}
}

// TestAnOrderedTopicHasOneSubscription, which leaves the others alone.
func TestAnOrderedTopicHasOneSubscription(t *testing.T) {
	ordered := append(Requests(),
		Request{Name: "actor-tell", Topic: "actor", What: "tell", Ordered: true},
		Request{Name: "actor-host", Topic: "actor", What: "host", PerWorker: true, Ordered: true})
	checkSubscriptions(t, ordered)
	list := subscriptionsOf(ordered)
	last := list[len(list)-1]
	if len(list) != len(Subscriptions())+1 || last.Name != "actor" || len(last.Requests) != 2 || last.Subject(mustNames(t, "")) != "ha.actor.>" {
		t.Errorf("got %d subscriptions, the last %+v", len(list), last)
	}
}

// TestARequestThatDoesNotExist is told which one is near.
func TestARequestThatDoesNotExist(t *testing.T) {
	n := mustNames(t, "a.b")
	for subject, want := range map[string]string{
		"a.b.task.sumbit": `did you mean "a.b.task.submit"?`, "a.b.task.can": `did you mean "a.b.task.cancel"?`,
		"a.b.cluster.Upgrade": `did you mean "a.b.cluster.upgrade"?`, "a.b.cluster.end": "those of cluster are clock, upgrade",
	} {
		if _, _, err := n.ParseRequest(subject); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", subject, err, want)
		}
	}
}

// TestEveryRequestIsParsed to the row that it was built from.
func TestEveryRequestIsParsed(t *testing.T) {
	n := mustNames(t, "a.b")
	names, built := map[string]bool{}, map[string]bool{}
	for _, r := range Requests() {
		subject := r.Subject(n, "9f2c")
		want := Subject{Topic: r.Topic, What: r.What}
		if r.PerWorker {
			want.Worker = "9f2c"
		}
		s, name, err := n.ParseRequest(subject)
		if err != nil || s != want || name != r.Name {
			t.Errorf("ParseRequest(%q) = %+v, %q, %v; want %+v, %q", subject, s, name, err, want, r.Name)
		}
		if rebuild(n, s) != subject {
			t.Errorf("%s: the builders spell it %q, the table %q", r.Name, rebuild(n, s), subject)
		}
		if names[r.Name] || built[subject] {
			t.Errorf("%s on %s is in the table twice", r.Name, subject)
		}
		names[r.Name], built[subject] = true, true
	}
	for _, other := range []string{n.Activate(), n.ActivateDirect("w"), n.Event("worker", "joined"), n.Dispatcher("d"), n.Task("nothing"), "a.b.x", "ha.hello"} {
		if s, name, err := n.ParseRequest(other); err == nil || name != "" {
			t.Errorf("ParseRequest(%q) = %+v, %q", other, s, name)
		} else {
			checkRefusal(t, err)
		}
	}
}

// checkMessage wants a struct of ours, or a list of one, whose fields all have a name on
// the wire.
func checkMessage(t *testing.T, of string, message reflect.Type) {
	t.Helper()
	if message.Kind() == reflect.Slice {
		message = message.Elem()
	}
	if message.Kind() != reflect.Struct || message.Name() == "" {
		t.Errorf("%s: %s is no message", of, message)
		return
	}
	for f := range message.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == "" {
			t.Errorf("%s: %s.%s has no name on the wire", of, message, f.Name)
		}
	}
}

func TestTheTableIsComplete(t *testing.T) {
	const all = RoleWorker | RoleClient | RoleObserver | RoleAdmin | RoleGateway
	for _, r := range Requests() {
		if r.From == 0 || !all.Has(r.From) || len(r.Forms) == 0 || r.Name == "" {
			t.Errorf("the row of %s is not complete: %+v", r.Name, r)
		}
		if r.PerWorker && (r.From.Has(RoleClient) || !r.From.Has(RoleWorker)) {
			t.Errorf("%s is for workers, and may be sent by: %s", r.Name, r.From)
		}
		if want := strings.TrimPrefix(r.Name, string(r.Topic)+"-"); r.What != "" && r.What != want {
			t.Errorf("%s is sent on %s.%s", r.Name, r.Topic, r.What)
		}
		for _, f := range r.Forms {
			checkMessage(t, r.Name, f.Request)
			checkMessage(t, r.Name, f.Reply)
		}
	}
	for _, a := range Announcements() {
		if a.From != RoleDispatcher || a.To == 0 {
			t.Errorf("the row of %s is not complete: %+v", a.Name, a)
		}
		checkMessage(t, a.Name, a.Message)
	}
}

// TestEveryConstantIsInTheTable: a topic, and a request on tasks, has a row, which stands
// in a variable called after its topic.
func TestEveryConstantIsInTheTable(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	constants, rows := map[string]bool{}, map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			decl, ok := node.(*ast.GenDecl)
			if !ok {
				return true
			}
			for _, spec := range decl.Specs {
				value, ok := spec.(*ast.ValueSpec)
				switch {
				case !ok:
				case decl.Tok == token.CONST && tableConstant.MatchString(value.Names[0].Name):
					constants[value.Names[0].Name] = true
				case decl.Tok == token.VAR && (strings.HasSuffix(value.Names[0].Name, "Requests") || value.Names[0].Name == "announcements"):
					ast.Inspect(value, func(node ast.Node) bool {
						if name, ok := node.(*ast.Ident); ok {
							rows[name.Name] = true
						}
						return true
					})
				}
			}
			return false
		})
	}
	if len(constants) < 20 {
		t.Fatalf("found only %d constants", len(constants))
	}
	for name := range constants {
		if !rows[name] {
			t.Errorf("%s has no row", name)
		}
	}
}

// tableConstant is what a constant is called that names a topic or a request on tasks.
var tableConstant = regexp.MustCompile(`^(Topic|Task|Cluster)[A-Z][a-z]+$`)

// TestRoles pins who may send what, since permissions are made of it.
func TestRoles(t *testing.T) {
	for role, want := range map[Roles]string{
		RoleWorker:     "hello heartbeat available bye progress",
		RoleClient:     "task-submit task-get task-wait task-list task-cancel task-retry task-pull task-run task-delete task-stats task-batch",
		RoleObserver:   "workers status task-get task-wait task-list task-stats",
		RoleDispatcher: "",
		RoleAdmin: "workers status task-submit task-get task-wait task-list task-cancel task-retry task-pull task-run task-delete task-pause task-resume task-limit" +
			" task-stats task-batch cluster-clock cluster-upgrade",
		RoleGateway: "hello heartbeat available bye workers status progress task-submit task-get task-wait task-list task-cancel task-retry" +
			" task-pull task-run task-delete task-pause task-resume task-limit task-stats task-batch cluster-clock cluster-upgrade",
	} {
		var got []string
		for _, r := range Requests() {
			if r.From.Has(role) {
				got = append(got, r.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s may send %q, want %q", role, strings.Join(got, " "), want)
		}
	}
	if got := (RoleClient | RoleDispatcher).String(); got != "client, dispatcher" {
		t.Errorf("the roles are %q", got)
	}
}

// TestBuildersAgreeWithTheTable on the wildcards that a dispatcher's tools use.
func TestBuildersAgreeWithTheTable(t *testing.T) {
	n := mustNames(t, "")
	built := map[string]string{
		"hello": n.Hello(), "heartbeat": n.HeartbeatAll(), "available": n.AvailableAll(), "bye": n.ByeAll(), "progress": n.ProgressAll(),
		"workers": n.Workers(), "status": n.Status(), "cluster-upgrade": n.Cluster(ClusterUpgrade), "cluster-clock": n.Cluster(ClusterClock),
	}
	for _, r := range Requests() {
		want, ok := built[r.Name]
		if !ok {
			want = n.Task(r.What)
		}
		if got := r.Pattern(n); got != want {
			t.Errorf("%s: the table says %s, the builder %s", r.Name, got, want)
		}
	}
	if got := (Request{Topic: TopicHeartbeat, PerWorker: true}).Subject(n, ha.WorkerID("9f2c")); got != n.Heartbeat("9f2c") {
		t.Errorf("got %s", got)
	}
}
