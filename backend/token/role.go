package token

// Role says what an account token may do. The roles of other tokens don't matter: their scope decides.
type Role uint8

// The roles. The zero Role is none of them and gives no rights.
const (
	Manage Role = iota + 1 // everything
	Read                   // see everything except secrets, change nothing but its own secret
)

var roleNames = [...]string{Manage: "manage", Read: "read"}

// String returns the wire word.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return ""
}

// ParseRole reads the wire word; ok is false for any other text.
func ParseRole(text string) (role Role, ok bool) {
	for r := Manage; r <= Read; r++ {
		if roleNames[r] == text {
			return r, true
		}
	}
	return 0, false
}
