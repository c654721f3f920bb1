package rawjson

// MaxToken is the greatest length in bytes of a token.
const MaxToken = 64

// ValidToken reports whether s is a token: 1 to [MaxToken] letters, digits, '_' and
// '-'. A token needs no escaping in JSON.
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
