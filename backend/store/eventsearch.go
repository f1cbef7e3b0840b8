package store

import (
	"database/sql"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// searchedMost is how many events a search looks at. It returns the place behind them, where it can go on.
const searchedMost = 5_000

// search is part for a list that is searched.
func (l *eventList) search(tx *gorm.DB, page paging.Page, after eventPlace, found *audit.Found) (ids []pfid.ID, err error) {
	finds, needles, err := l.finds(tx)
	if err != nil {
		return nil, err
	}
	newest, args := l.newestOf(after, searchedMost)
	// CROSS JOIN keeps the order of the tables.
	query := "SELECT t.id, t.inserted_at, t.sequence FROM (" + newest + ") n CROSS JOIN audit_events t ON t.id = n.id WHERE " + finds +
		" ORDER BY n.inserted_at DESC, n.sequence DESC LIMIT ?"
	most, matches := page.Offset+page.Size, 0 // matches are counted up to one more than most
	var last eventPlace
	err = scan(tx, query, append(append(slices.Clone(args), needles...), most+1), func(rows *sql.Rows) error {
		var id pfid.ID
		var at, sequence int64
		err := rows.Scan(&id, &at, &sequence)
		if matches++; matches <= most {
			last.at, last.sequence = at, sequence
			if matches > page.Offset {
				ids = append(ids, id)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if found.AtLeast = matches > most; !found.AtLeast {
		err = scan(tx, "SELECT inserted_at, sequence FROM ("+newest+") n ORDER BY inserted_at DESC, sequence DESC LIMIT 1 OFFSET ?", append(args, searchedMost-1), func(rows *sql.Rows) error {
			found.AtLeast = true
			err := rows.Scan(&last.at, &last.sequence)
			found.SearchedTo = time.UnixMilli(last.at).UTC()
			return err
		})
	}
	if page.After == "" {
		found.Before = min(page.Offset, matches)
	}
	if found.Total = found.Before + len(ids); found.AtLeast {
		last.before, last.newest = found.Total, l.newest
		found.Next = last.String()
		found.Total++
	}
	return ids, err
}

// newer counts the events of the list that come before a place and were recorded since it was returned, up to searchedMost.
func (l *eventList) newer(tx *gorm.DB, since eventPlace) (int, error) {
	where, args := l.condition()
	args = append([]any{l.account, since.newest, searchedMost}, append(slices.Clone(args), since.at, since.sequence)...)
	from := "(SELECT * FROM audit_events WHERE account_id = ? AND sequence > ? ORDER BY sequence LIMIT ?) t WHERE " + where + " AND (t.inserted_at, t.sequence) > (?, ?)"
	if l.needle != "" {
		finds, needles, err := l.finds(tx)
		if err != nil {
			return 0, err
		}
		from, args = from+" AND "+finds, append(args, needles...)
	}
	return value[int](tx, "SELECT count(*) FROM "+from, args...)
}

// likeText makes text a part of a pattern of LIKE with ESCAPE '\'.
var likeText = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// finds returns the condition that a search finds an event. The database folds only ASCII, and this package the names of
// people, agents and environments.
func (l *eventList) finds(tx *gorm.DB) (where string, args []any, err error) {
	ids, err := named(tx, l.account, l.needle)
	like := "%" + likeText.Replace(l.needle) + "%"
	const is = " LIKE ? ESCAPE '\\'"
	where, args = "(lower(t.action || ' ' || t.subject_id || ' ' || t.actor_address || ' ' || t.request_id || ' ' || t.reason || ' ' || t.detail)"+is+" OR t.actor_api_token_id"+is, []any{like, like}
	if len(ids) > 0 {
		named := document{ids}
		where, args = where+" OR t.actor_admin_user_id IN "+anyOf+" OR t.subject_id IN "+anyOf, append(args, named, named)
	}
	const token = "EXISTS (SELECT 1 FROM api_tokens k WHERE k.account_id = t.account_id AND lower(k.name || ' ' || k.hint)" + is + " AND k.id = "
	where, args = where+" OR t.actor_api_token_id IS NOT NULL AND "+token+"t.actor_api_token_id)", append(args, like)
	return where + " OR t.action LIKE 'api_token.%' AND " + token + "t.subject_id))", append(args, like), err
}
