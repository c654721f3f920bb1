package fleet

import (
	"strconv"
	"strings"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// maxActivationID is the length of the longest id of an activation.
const maxActivationID = len("a3w5e11264sgsf-18446744073709551615")

// ActivationID names an activation: "a7-42" is the 42nd of the journal, made in
// epoch 7. The epoch is in base 36, since without a durable journal it is a time.
func ActivationID(a record.Run) ha.ActivationID {
	var b [maxActivationID]byte
	return ha.ActivationID(appendActivationID(b[:0], a))
}

func appendActivationID(b []byte, a record.Run) []byte {
	b = append(b, 'a')
	b = strconv.AppendUint(b, uint64(a.Epoch), 36)
	b = append(b, '-')
	return strconv.AppendUint(b, a.Number, 10)
}

// parseActivationID is the inverse of ActivationID; anything else is not ok.
func parseActivationID(id ha.ActivationID) (a record.Run, ok bool) {
	rest, isOurs := strings.CutPrefix(string(id), "a")
	epoch, number, both := strings.Cut(rest, "-")
	if !isOurs || !both {
		return record.Run{}, false
	}
	e, err1 := strconv.ParseUint(epoch, 36, 64)
	n, err2 := strconv.ParseUint(number, 10, 64)
	a = record.Run{Number: n, Epoch: ha.Epoch(e)}
	var b [maxActivationID]byte
	return a, err1 == nil && err2 == nil && string(appendActivationID(b[:0], a)) == string(id)
}
