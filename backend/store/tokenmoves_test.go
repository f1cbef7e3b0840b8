package store

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// crowd is an account with tokens of several members, agents and environments, written directly as rows.
type crowd struct {
	*shelf
	members, agents, environments []pfid.ID
	deployments                   map[[2]pfid.ID]pfid.ID // by agent and environment
	hashes                        []token.Hash
	ids                           []pfid.ID
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{shelf: newShelf(t), deployments: map[[2]pfid.ID]pfid.ID{}}
	c.exec("INSERT INTO status_lists (number, taken, inserted_at) VALUES (1, 1000, 1)")
	for i := range 3 {
		c.members, c.agents, c.environments = append(c.members, c.id()), append(c.agents, c.id()), append(c.environments, c.id())
		c.exec("INSERT INTO admin_users (id, account_id, email, password_hash, inserted_at, updated_at) VALUES (?, ?, ?, '', 1, 1)", c.members[i], c.actor.AccountID, fmt.Sprint(i))
		c.exec("INSERT INTO agents (id, account_id, name, inserted_at, updated_at) VALUES (?, ?, '', 1, 1)", c.agents[i], c.actor.AccountID)
		c.exec("INSERT INTO environments (id, account_id, name, purpose, inserted_at, updated_at) VALUES (?, ?, '', '', 1, 1)", c.environments[i], c.actor.AccountID)
	}
	for _, agent := range c.agents {
		for _, environment := range c.environments {
			id := c.id()
			c.deployments[[2]pfid.ID{agent, environment}] = id
			c.exec("INSERT INTO agent_deployments (id, account_id, agent_id, environment_id, inserted_at, updated_at) VALUES (?, ?, ?, ?, 1, 1)", id, c.actor.AccountID, agent, environment)
		}
	}
	return c
}

// issue writes a random token with a random status.
func (c *crowd) issue(n int, random *mathrand.Rand) {
	c.t.Helper()
	row := token.Listed{Hash: token.HashOf([]byte(fmt.Sprint(n))), Token: token.Token{
		ID: c.id(), AccountID: c.actor.AccountID, Scope: token.ScopeAccount, Role: token.Role(1 + random.IntN(2)), Status: []token.Status{token.Active, token.Active, token.Suspended, token.Revoked}[random.IntN(4)],
		CreatedByAdminUserID: c.members[random.IntN(3)], ExpiresAt: now().Add(time.Hour), InsertedAt: now(), UpdatedAt: now(), StatusEntry: token.StatusEntry{List: 1, Index: n},
	}}
	switch random.IntN(4) {
	case 0:
	case 1:
		row.Scope, row.EnvironmentID = token.ScopeEnvironment, c.environments[random.IntN(3)]
	default:
		row.Scope, row.EnvironmentID, row.AgentID = token.ScopeAgentDeployment, c.environments[random.IntN(3)], c.agents[random.IntN(3)]
		row.AgentDeploymentID = c.deployments[[2]pfid.ID{row.AgentID, row.EnvironmentID}]
	}
	if err := apiTokens.insert(c.writer, row); err != nil {
		c.t.Fatal(err)
	}
	c.exec("UPDATE api_tokens SET after_move = "+lastMove+" WHERE id = ?", row.ID)
	c.hashes, c.ids = append(c.hashes, row.Hash), append(c.ids, row.ID)
}

// seen returns the status of every token, in order. It checks that all ways to read it agree.
func (c *crowd) seen() []token.Status {
	c.t.Helper()
	seen := make([]token.Status, len(c.ids))
	listed := make([]token.Status, len(c.ids)+1)
	if _, _, err := c.Tokens.StatusList(c.t.Context(), 1, time.Now(), func(index int, status token.Status) { listed[index] = status }); err != nil {
		c.t.Fatal(err)
	}
	filtered := map[token.Status][]pfid.ID{}
	for s := token.Active; s <= token.Revoked; s++ {
		found, err := c.lists.List(c.t.Context(), c.actor.AccountID, token.Filter{Status: s}, paging.Page{Size: 1000, Sort: "status"})
		if err != nil || found.Total != len(found.Tokens) {
			c.t.Fatal(found.Total, len(found.Tokens), err)
		}
		for _, l := range found.Tokens {
			filtered[s] = append(filtered[s], l.ID)
		}
		fresh, err := c.newLists().List(c.t.Context(), c.actor.AccountID, token.Filter{Status: s}, paging.Page{Size: 1000, Sort: "status"})
		if err != nil || !slices.Equal(fresh.Tokens, found.Tokens) {
			c.t.Fatalf("an index that followed the moves lists %d tokens %s, a new one %d (%v)", len(found.Tokens), s, len(fresh.Tokens), err)
		}
	}
	for i, id := range c.ids {
		found, _, err1 := c.Tokens.FindToken(c.t.Context(), c.hashes[i])
		shown, err2 := c.Tokens.Token(c.t.Context(), c.actor.AccountID, id)
		revoked, err3 := c.Tokens.IsRevokedEntry(c.t.Context(), token.StatusEntry{List: 1, Index: i})
		if err1 != nil || err2 != nil || err3 != nil {
			c.t.Fatal(err1, err2, err3)
		}
		seen[i] = found.Status
		if shown.Status != found.Status || !slices.Contains(filtered[found.Status], id) || max(listed[i], token.Active) != found.Status || revoked != (found.Status == token.Revoked) {
			c.t.Fatalf("token %d: validation finds %v, its record %v, its status list %v, ended %v, the lists %v", i, found.Status, shown.Status, listed[i], revoked, filtered)
		}
	}
	return seen
}

// move begins a random move and returns how many tokens it says it moves.
func (c *crowd) move(random *mathrand.Rand, retired map[pfid.ID]bool) int {
	c.t.Helper()
	target, id, to := ofMember, c.members[random.IntN(3)], token.Revoked
	switch random.IntN(12) {
	case 0:
		target, id = ofEnvironment, c.environments[random.IntN(3)]
	case 1:
		target, id = ofDeployment, c.deployments[[2]pfid.ID{c.agents[random.IntN(3)], c.environments[random.IntN(3)]}]
	case 2:
	default: // retire and reinstate an agent in turn
		target, id, to = ofAgent, c.agents[random.IntN(3)], token.Suspended
		if retired[id] {
			to = token.Active
		}
		retired[id] = !retired[id]
	}
	var moves int
	err := c.change(c.t.Context(), func(tx *gorm.DB) (err error) {
		moves, _, err = moveAll(tx, c.actor.AccountID, target, id, to, "", audit.NewRecorder(now(), c.actor, rand.Reader))
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return moves
}

func (c *crowd) advance(most int) bool {
	c.t.Helper()
	more, err := c.Tokens.AdvanceMoves(c.t.Context(), most, func(actor audit.Actor, at time.Time) audit.Recorder {
		return audit.NewRecorder(at, actor, rand.Reader)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return more
}

func TestAMoveOfManyTokensCountsFromItsCommitAndItsPiecesChangeNothingThatIsSeen(t *testing.T) {
	for seed := range uint64(4) {
		random := mathrand.New(mathrand.NewPCG(seed, 1))
		c := newCrowd(t)
		retired := map[pfid.ID]bool{}
		for n := range 24 {
			c.issue(n, random)
		}
		// While a move is under way all later ones wait, as they do behind one of very many tokens.
		c.exec("INSERT INTO token_moves (account_id, target, target_id, to_status, detail, actor_address, tokens, moved, inserted_at) VALUES (?, 'agent_id', ?, 'revoked', '', '', 0, 0, 1)", c.actor.AccountID, c.actor.AccountID)
		moves := 0
		for step := range 5 {
			before := c.seen()
			said := c.move(random, retired)
			after, changed := c.seen(), 0
			for i := range before {
				if before[i] != after[i] {
					changed++
				}
			}
			if said != changed {
				t.Fatalf("seed %d, step %d: %d tokens are said to move, %d do", seed, step, said, changed)
			}
			moves += said
			for n := range 2 {
				c.issue(len(before)+n, random)
			}
			seen := c.seen()
			for range random.IntN(4) {
				c.advance(3)
				if now := c.seen(); !slices.Equal(now, seen) {
					t.Fatalf("seed %d, step %d: a piece changed what is seen from\n%v to\n%v", seed, step, seen, now)
				}
			}
		}
		seen := c.seen()
		for c.advance(5) {
		}
		if now := c.seen(); !slices.Equal(now, seen) {
			t.Fatalf("seed %d: the end of the moves changed what is seen from\n%v to\n%v", seed, seen, now)
		}
		if n := c.count("audit_events WHERE action IN ('api_token.suspended', 'api_token.activated', 'api_token.revoked')"); n != moves {
			t.Errorf("seed %d: %d tokens moved with %d events", seed, moves, n)
		}
		if n := c.count("api_tokens t WHERE t.status <> " + statusNowOfT); n > 0 {
			t.Errorf("seed %d: %d rows are not where their moves took them", seed, n)
		}
	}
}

func TestAChangeOfATokenThatIsStillToMoveComesAfterItsMove(t *testing.T) {
	c := newCrowd(t)
	random := mathrand.New(mathrand.NewPCG(7, 7))
	for n := range 12 {
		c.issue(n, random)
	}
	c.exec("UPDATE api_tokens SET status = 'active', created_by_admin_user_id = ?", c.members[0])
	c.exec("INSERT INTO token_moves (account_id, target, target_id, to_status, detail, actor_address, tokens, moved, inserted_at) VALUES (?, 'created_by_admin_user_id', ?, 'revoked', 'as one', '', 12, 0, 1)", c.actor.AccountID, c.members[0])
	found, err := c.Tokens.Token(t.Context(), c.actor.AccountID, c.ids[3])
	if err != nil || found.Status != token.Revoked || !found.Actions().Delete {
		t.Fatalf("%v %v", found.Status, err)
	}
	c.remove(found.Token, now())
	for c.advance(5) {
	}
	if n := c.count("audit_events WHERE action = 'api_token.revoked' AND detail = 'as one'"); n != 12 {
		t.Errorf("%d events of 12 moves", n)
	}
	if n := c.count("audit_events WHERE action = 'api_token.deleted'"); n != 1 {
		t.Errorf("%d events of a delete", n)
	}
}

func TestARevokeOfDescendantsThatAreStillToMoveComesAfterTheirMove(t *testing.T) {
	c := newCrowd(t)
	random := mathrand.New(mathrand.NewPCG(7, 7))
	for n := range 12 {
		c.issue(n, random)
	}
	c.exec("UPDATE api_tokens SET status = 'active', token_scope = 'account', agent_id = NULL, environment_id = NULL, agent_deployment_id = NULL")
	c.exec("UPDATE api_tokens SET created_by_admin_user_id = NULL, created_by_api_token_id = ? WHERE id IN ?", c.ids[0], c.ids[9:])
	c.exec("UPDATE api_tokens SET token_scope = 'agent_deployment', agent_id = ?, environment_id = ?, agent_deployment_id = ? WHERE id IN ?",
		c.agents[0], c.environments[0], c.deployments[[2]pfid.ID{c.agents[0], c.environments[0]}], c.ids[9:])
	c.exec("INSERT INTO token_moves (account_id, target, target_id, to_status, detail, actor_address, tokens, moved, inserted_at) VALUES (?, 'agent_id', ?, 'revoked', 'as one', '', 3, 0, 1)", c.actor.AccountID, c.agents[0])
	err := c.change(t.Context(), func(tx *gorm.DB) error {
		first, err := tokenIn(tx, c.actor.AccountID, c.ids[0])
		if err != nil {
			return err
		}
		_, err = revokeLine(tx, first, now(), audit.NewRecorder(now(), c.actor, rand.Reader))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for c.advance(5) {
	}
	if n := c.count("audit_events WHERE action = 'api_token.revoked' AND detail = 'as one'"); n != 3 {
		t.Errorf("%d events of 3 moves", n)
	}
	if n := c.count("audit_events WHERE action = 'api_token.revoked'"); n != 4 { // with that of their creator
		t.Errorf("%d events of 4 ends", n)
	}
}

func TestABulkChangeOfTokensThatAreStillToMoveComesAfterTheirMoves(t *testing.T) {
	c := newCrowd(t)
	random := mathrand.New(mathrand.NewPCG(7, 7))
	for n := range 12 {
		c.issue(n, random)
	}
	other := c.id()
	c.exec("INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES (?, 8, '', '', 1, 1)", other)
	c.exec("UPDATE api_tokens SET status = 'active', token_scope = 'account', agent_id = NULL, environment_id = NULL, agent_deployment_id = NULL, created_by_admin_user_id = ?", c.members[0])
	c.exec("UPDATE api_tokens SET account_id = ?, created_by_admin_user_id = NULL WHERE id = ?", other, c.ids[11])
	c.exec("UPDATE api_tokens SET created_by_admin_user_id = ? WHERE id = ?", c.members[1], c.ids[10])
	c.exec("INSERT INTO token_moves (account_id, target, target_id, to_status, detail, actor_address, tokens, moved, inserted_at) VALUES (?, 'created_by_admin_user_id', ?, 'revoked', 'as one', '', 10, 0, 1)", c.actor.AccountID, c.members[0])
	asked := append(slices.Clone(c.ids[6:]), c.id()) // four that are to move, one that is not, a foreign one and an unknown one
	suspend := func(list []token.Listed) (chosen []pfid.ID, err error) {
		for _, of := range list {
			if of.Actions().Suspend {
				chosen = append(chosen, of.ID)
			}
		}
		return chosen, nil
	}
	list, err := c.Tokens.ChangeTokens(t.Context(), c.actor.AccountID, asked, token.Suspended, now(), suspend, audit.NewRecorder(now(), c.actor, rand.Reader))
	if err != nil || len(list) != 5 || list[0].Status != token.Revoked || list[4].ID != c.ids[10] || list[4].Status != token.Suspended {
		t.Fatalf("%v, %+v", err, list)
	}
	if n := c.count("api_tokens WHERE account_id <> (SELECT account_id FROM token_moves) AND status = 'active' AND after_move = 0"); n != 1 {
		t.Error("the token of another account was changed")
	}
	if n := c.count("audit_events WHERE action = 'api_token.revoked' AND detail = 'as one'"); n != 4 {
		t.Errorf("%d events of 4 moves", n)
	}
	for c.advance(5) {
	}
	if n := c.count("audit_events WHERE action = 'api_token.revoked' AND detail = 'as one'"); n != 10 {
		t.Errorf("%d events of 10 moves", n)
	}
	if n := c.count("audit_events WHERE action = 'api_token.suspended'"); n != 1 {
		t.Errorf("%d events of a suspend", n)
	}
}

// TestAPieceOfALargeMoveEndsInTimeForOtherChanges makes each row slow, so that a part of a piece takes longer than a piece may.
func TestAPieceOfALargeMoveEndsInTimeForOtherChanges(t *testing.T) {
	c := newCrowd(t)
	random := mathrand.New(mathrand.NewPCG(9, 9))
	for n := range 3 * pieceRows {
		c.issue(n, random)
	}
	c.exec("UPDATE api_tokens SET status = 'active', created_by_admin_user_id = ?", c.members[0])
	slow := []string{
		"CREATE VIEW slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) SELECT count(*) AS rows FROM n",
		"CREATE TRIGGER slow AFTER UPDATE ON api_tokens BEGIN SELECT rows FROM slow; END",
	}
	if pgtest.Wanted() {
		slow = []string{
			"CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.002); RETURN NULL; END'",
			"CREATE TRIGGER slow AFTER UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION slow()",
		}
	}
	for _, statement := range slow {
		c.exec(statement)
	}
	c.exec("INSERT INTO token_moves (account_id, target, target_id, to_status, detail, actor_address, tokens, moved, inserted_at) VALUES (?, 'created_by_admin_user_id', ?, 'revoked', '', '', ?, 0, 1)", c.actor.AccountID, c.members[0], len(c.ids))
	for piece := 1; piece <= 3; piece++ {
		if !c.advance(len(c.ids)) {
			t.Fatal("the move ended early")
		}
		if n := c.count("api_tokens WHERE status = 'revoked'"); n != piece*pieceRows {
			t.Fatalf("after %d slow pieces %d tokens are moved, want a part of %d in each", piece, n, pieceRows)
		}
	}
	for c.advance(len(c.ids)) {
	}
	if n := c.count("token_moves"); n != 0 {
		t.Errorf("%d moves are left", n)
	}
}

func TestADeletedAccountIsGoneAtOnceAndItsRowsGoInPieces(t *testing.T) {
	c := newCrowd(t)
	random := mathrand.New(mathrand.NewPCG(3, 3))
	for n := range firstPiece + 50 {
		c.issue(n, random)
	}
	const sessions = 300
	for n := range sessions {
		hash := people.SessionHash(token.HashOf([]byte(fmt.Sprint("session ", n))))
		c.exec("INSERT INTO sessions (id, id_hash, admin_user_id, address, user_agent, inserted_at, last_seen_at, expires_at) VALUES (?, ?, ?, '', '', 1, ?, ?)",
			c.id(), digest(hash), c.members[n%3], stamp(now()), stamp(now().Add(time.Hour)))
		if _, ok, err := c.People.Session(t.Context(), hash); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	_, err := c.Accounts.DeleteAccount(t.Context(), c.actor.AccountID, func(a account.Account) (audit.Event, error) {
		return audit.New(now(), c.actor, audit.AccountDeleted, a.ID.String(), "", rand.Reader)
	})
	if err != nil {
		t.Fatal(err)
	}
	// In earlier versions, a request that began before the deletion could add these to the account.
	c.exec("INSERT INTO webhooks (account_id, url, sealed_secret, inserted_at, updated_at, last_status) VALUES (?, '', '', 1, 1, 0)", c.actor.AccountID)
	c.exec("INSERT INTO expiry_notices (recipient_id, account_id, written_at, tries) VALUES (?, ?, 1, 0)", c.actor.AccountID, c.actor.AccountID)
	gone := func() {
		t.Helper()
		if list, err := c.Accounts.All(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("accounts: %v %v", list, err)
		}
		if has, err := c.Accounts.IsSetUp(t.Context()); err != nil || has {
			t.Errorf("has accounts: %v %v", has, err)
		}
		if _, _, ok, err := c.People.AdminUserByEmail(t.Context(), "1"); err != nil || ok {
			t.Errorf("its member is there: %v %v", ok, err)
		}
		for n := range sessions {
			if _, ok, err := c.People.Session(t.Context(), people.SessionHash(token.HashOf([]byte(fmt.Sprint("session ", n))))); err != nil || ok {
				t.Fatalf("session %d goes on: %v", n, err)
			}
		}
		for i, hash := range c.hashes {
			if s, ok, err := c.Tokens.FindToken(t.Context(), hash); err != nil || ok && s.Status != token.Revoked {
				t.Errorf("token %d: %v %v %v", i, s.Status, ok, err)
			}
		}
		revoked := 0
		if _, ok, err := c.Tokens.StatusList(t.Context(), 1, time.Now(), func(_ int, s token.Status) {
			if s == token.Revoked {
				revoked++
			}
		}); err != nil || !ok || revoked != len(c.hashes) {
			t.Errorf("the list calls %d of %d tokens revoked, %v", revoked, len(c.hashes), err)
		}
	}
	if n := c.count("api_tokens"); n != 50 {
		t.Errorf("%d tokens are left for later", n)
	}
	if n := c.count("sessions"); n != sessions {
		t.Errorf("%d sessions are left for later", n)
	}
	gone()
	for c.advance(7) {
		gone()
	}
	for _, table := range []string{"accounts", "api_tokens", "token_uses", "agents", "agent_deployments", "environments", "token_moves", "webhooks", "expiry_notices", "sessions", "admin_users"} {
		if n := c.count(table); n > 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}
