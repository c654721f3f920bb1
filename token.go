package ha

// MaxToken is the greatest length in bytes of an id or a name.
const MaxToken = 64

// ValidToken reports whether s may be an id or a name: 1 to [MaxToken] letters,
// digits, '_' and '-' of ASCII. That makes it one token of a NATS subject. The NATS
// client accepts more ("work.*", "a..b"), which is why every token is checked here.
func ValidToken(s string) bool {
	if s == "" || len(s) > MaxToken {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
