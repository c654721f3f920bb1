package subjects

import (
	"reflect"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// shapes are the shapes of all messages, made once. Names match only as they are written
// in them; see [rawjson.Shape.Exact].
var shapes = func() map[reflect.Type]*rawjson.Shape {
	types := []reflect.Type{
		reflect.TypeFor[helloWire](), reflect.TypeFor[taskWire](), reflect.TypeFor[batchWire](), reflect.TypeFor[ErrorBody](), reflect.TypeFor[TaskRequest](),
		reflect.TypeFor[HeartbeatReply](),
	}
	for _, r := range requests {
		for _, f := range r.Forms {
			types = append(types, f.Request, f.Reply)
		}
	}
	for _, a := range announcements {
		types = append(types, a.Message)
	}
	all := make(map[reflect.Type]*rawjson.Shape, len(types))
	for _, t := range types {
		if _, made := all[t]; !made {
			all[t] = rawjson.ShapeOf(t)
		}
	}
	return all
}()

// The shapes of the parts of messages that are read by hand up to these.
var (
	retryShape    = rawjson.ShapeOf(reflect.TypeFor[ha.Retry]())
	stepsShape    = rawjson.ShapeOf(reflect.TypeFor[[]ha.Step]())
	upstreamShape = rawjson.ShapeOf(reflect.TypeFor[[]ha.Upstream]())
)

// unmarshal is [json.Unmarshal] with exact names.
func unmarshal(body []byte, into any) error {
	t := reflect.TypeOf(into).Elem()
	shape, known := shapes[t]
	if !known {
		shape = rawjson.ShapeOf(t) // a type of the caller's own
	}
	return shape.Unmarshal(body, into)
}
