package token

import (
	"fmt"
	"testing"
)

// The protocol of copies as a model: two copies of the program, a token that two changes give the versions 1 and 2, and two
// validations of it. Each step of a copy, a change or a validation may come whenever it can. A validation must never be
// answered with an older version than the last change that had got its response when the validation arrived.
type model struct {
	version   uint8 // that is committed
	responded uint8 // version of the last change that got its response
	changes   [2]modelChange
	checks    [2]modelCheck
	copies    [2]modelCopy
}

type modelChange struct {
	step    uint8 // 0: begins; 1: committed; 2: this copy forgot; 3: it got its response
	version uint8
}

type modelCheck struct {
	step  uint8 // 0: not there yet; 1: waits; 2: looks into the cache; 3: reads the store; 4: keeps what it read; 5: answered
	least uint8 // it may be answered with
	look  uint8 // number of the look that it waits for
	epoch uint8 // of the cache, before it read the store
	read  uint8 // version that it read or was answered with
}

type modelCopy struct {
	look     uint8 // number of the last look that began
	underWay uint8 // 0: none; 1: the query has not read yet; 2: it has read
	read     uint8 // version that it read
	mark     uint8 // version that was applied
	epoch    uint8 // of the cache, counts what it forgot
	has      bool  // the cache has the token
	cached   uint8 // its version there
}

func (c *modelCopy) forget() {
	c.epoch++
	c.has, c.cached = false, 0 // all states without the token are the same
}

// mutation breaks a rule.
type mutation struct{ joinsUnderWay, keepsOld bool }

// next calls visit for each state that one step leads to.
func (m model) next(on [4]int, broken mutation, visit func(model, string)) {
	for i := range m.changes {
		n := m
		c, at := &n.changes[i], &n.copies[on[i]]
		switch c.step {
		case 0:
			n.version++
			c.version = n.version
		case 1:
			at.forget()
		case 2:
			n.responded = max(n.responded, c.version)
		default:
			continue
		}
		c.step++
		visit(n, fmt.Sprintf("change %d, step %d", i, c.step))
	}
	for i := range m.checks {
		n := m
		v, at := &n.checks[i], &n.copies[on[2+i]]
		switch v.step {
		case 0:
			v.least, v.look = n.responded, at.look+1
			if broken.joinsUnderWay && at.underWay != 0 {
				v.look = at.look
			}
			v.step = 1
		case 1:
			if v.look > at.look || v.look == at.look && at.underWay != 0 {
				continue
			}
			v.step = 2
		case 2:
			if at.has {
				v.read, v.step = at.cached, 5
			} else {
				v.epoch, v.step = at.epoch, 3
			}
		case 3:
			v.read, v.step = n.version, 4
		case 4:
			if at.epoch == v.epoch || broken.keepsOld {
				at.has, at.cached = true, v.read
			}
			v.step = 5
		default:
			continue
		}
		visit(n, fmt.Sprintf("validation %d, step %d", i, v.step))
	}
	for i := range m.copies {
		n := m
		c := &n.copies[i]
		switch c.underWay {
		case 0:
			waits := false
			for j, v := range n.checks {
				waits = waits || on[2+j] == i && v.step == 1 && v.look > c.look
			}
			if !waits {
				continue
			}
			c.look++
			c.underWay = 1
		case 1:
			c.read, c.underWay = n.version, 2
		case 2:
			if c.read > c.mark {
				c.mark = c.read
				c.forget()
			}
			c.read, c.underWay = 0, 0
		}
		visit(n, fmt.Sprintf("look of copy %d, step %d", i, c.underWay))
	}
}

// search returns the steps to a late answer, or nil after all states. At first only the first copy has the token in its cache.
func search(on [4]int, broken mutation) (steps []string, states int) {
	start := model{}
	for i := range start.copies {
		start.copies[i].has = i == 0
	}
	seen := map[model]bool{start: true}
	var visit func(m model, path []string) []string
	visit = func(m model, path []string) (found []string) {
		for _, v := range m.checks {
			if v.step == 5 && v.read < v.least {
				return path
			}
		}
		m.next(on, broken, func(n model, step string) {
			if found == nil && !seen[n] {
				seen[n] = true
				found = visit(n, append(path[:len(path):len(path)], step))
			}
		})
		return found
	}
	return visit(start, []string{"start"}), len(seen)
}

// searchAll searches with every way to give the changes and validations to the copies. It does not matter which of two changes
// or of two validations goes where.
func searchAll(broken mutation) (steps []string, states int) {
	for _, changes := range [][2]int{{0, 0}, {0, 1}, {1, 1}} {
		for _, checks := range [][2]int{{0, 0}, {0, 1}, {1, 1}} {
			found, n := search([4]int{changes[0], changes[1], checks[0], checks[1]}, broken)
			if states += n; found != nil {
				return found, states
			}
		}
	}
	return nil, states
}

func TestNoInterleavingOfTwoCopiesAnswersLate(t *testing.T) {
	steps, states := searchAll(mutation{})
	if steps != nil {
		t.Errorf("a late answer after %q", steps)
	}
	t.Logf("%d states", states)
	if states < 10_000 {
		t.Errorf("the search went through %d states only", states)
	}
}

func TestTheSearchFindsAProtocolWithoutOneOfItsRules(t *testing.T) {
	for name, broken := range map[string]mutation{"joins a look under way": {joinsUnderWay: true}, "keeps what may be old": {keepsOld: true}} {
		steps, states := searchAll(broken)
		if steps == nil {
			t.Errorf("%s: no late answer in %d states", name, states)
		}
		t.Logf("%s: %q", name, steps)
	}
}
