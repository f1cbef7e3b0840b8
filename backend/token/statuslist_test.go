package token

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

func unpack(t *testing.T, lst string) []byte {
	t.Helper()
	packed, err := base64.RawURLEncoding.DecodeString(lst)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	bits, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return bits
}

// TestAListIsEncodedAsInTheTestVectorsOfTheDraft checks the two-bit examples of section 4 and appendix C.2. Compressors
// differ in their output, so it compares the unpacked arrays.
func TestAListIsEncodedAsInTheTestVectorsOfTheDraft(t *testing.T) {
	for _, vector := range []struct {
		size   int
		values map[int]byte
		lst    string
	}{
		{12, map[int]byte{0: 1, 1: 2, 3: 3, 5: 1, 7: 1, 8: 1, 9: 2, 10: 3, 11: 3}, "eNo76fITAAPfAgc"},
		{1 << 20, map[int]byte{
			0: 1, 1993: 2, 25460: 1, 159495: 3, 495669: 1, 554353: 1, 645645: 2, 723232: 1, 854545: 1, 934534: 2, 1000345: 3,
		}, "eNrt2zENACEQAEEuoaBABP5VIO01fCjIHTMStt9ovGVIAAAAAABAbiEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEB5" +
			"WwIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
			"AAAAAAAAAID0ugQAAAAAAAAAAAAAAAAAQG12SgAAAAAAAAAAAAAAAAAAAAAAAAAAAOCSIQEAAAAAAAAAAAAAAAAAAAAAAAD8ExIA" +
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwJEuAQAAAAAAAAAAAAAAAAAAAAAAAMB9SwIAAAAAAAAAAAAAAAAAAACoYUoA" +
			"AAAAAAAAAAAAAEBqH81gAQw"},
	} {
		bits := newStatusBits(vector.size)
		for index, value := range vector.values {
			bits.set(index, value)
		}
		if want := unpack(t, vector.lst); !bytes.Equal(bits, want) {
			t.Errorf("%d entries: the array differs", vector.size)
		}
		lst, err := bits.encode()
		if err != nil || !bytes.Equal(unpack(t, lst), bits) {
			t.Errorf("%d entries: %s, %v", vector.size, lst, err)
		}
	}
}

// lists is a store that implements only status lists, and a signer that writes the claims in plain text.
type lists struct {
	Store
	Signer
	read func(number int, set func(int, Status)) (bool, error)
}

func (l lists) StatusList(_ context.Context, number int, _ time.Time, set func(int, Status)) (time.Time, bool, error) {
	ok, err := l.read(number, set)
	return time.Time{}, ok, err
}

func (l lists) SignStatusList(_ context.Context, c StatusListClaims) (string, error) {
	return fmt.Sprint(c.IssuedAt.Unix(), " ", c.List), nil
}

// StatusEntry reads the entry from a secret made by naming.
func (l lists) StatusEntry(secret []byte) (entry StatusEntry) {
	if _, err := fmt.Sscanf(string(secret), "entry %d of list %d", &entry.Index, &entry.List); err != nil {
		return StatusEntry{}
	}
	return entry
}

func listsOver(t testing.TB, read func(number int, set func(int, Status)) (bool, error)) *Tokens {
	return New(lists{read: read}, lists{}, newCache(t, 8), Lifetimes{}, time.Now, nil)
}

// valueIn returns the value of an entry in a list signed by lists.
func valueIn(t *testing.T, list SignedStatusList, index int) byte {
	t.Helper()
	_, lst, _ := strings.Cut(string(list.JWT), " ")
	return unpack(t, lst)[index/4] >> (index % 4 * 2) & 3
}

func TestAListThatWasReadBeforeAChangeIsNotGivenToWhoAsksAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		read, answer := make(chan struct{}), make(chan struct{})
		ts := listsOver(t, func(_ int, set func(int, Status)) (bool, error) {
			if revoked.Load() {
				set(5, Revoked)
			}
			read <- struct{}{}
			<-answer
			return true, nil
		})
		ask := func() chan SignedStatusList {
			asked := make(chan SignedStatusList, 1)
			go func() {
				list, err := ts.StatusList(t.Context(), 1)
				if err != nil {
					t.Error(err)
				}
				asked <- list
			}()
			return asked
		}
		before := ask()
		<-read
		revoked.Store(true)
		ts.Forget(pfid.ID{})
		after := []chan SignedStatusList{ask(), ask(), ask()}
		synctest.Wait()
		answer <- struct{}{}
		if got := valueIn(t, <-before, 5); got != 0 {
			t.Errorf("what was read before the change says %d", got)
		}
		synctest.Wait() // all callers after the change share one read
		<-read
		answer <- struct{}{}
		for _, asked := range after {
			if got := valueIn(t, <-asked, 5); got != 1 {
				t.Errorf("who asked after the change gets %d", got)
			}
		}
	})
}

func TestAListIsReadAgainOnlyAfterAChangeOrItsRenewalAndSignedAnewOnlyIfItSaysSomethingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, reads := Status(0), 0
		ts := listsOver(t, func(_ int, set func(int, Status)) (bool, error) {
			reads++
			if status != 0 {
				set(0, status)
			}
			return true, nil
		})
		get := func() string {
			list, err := ts.StatusList(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			return list.Digest
		}
		first := get()
		if again := get(); reads != 1 || again != first {
			t.Errorf("%d reads", reads)
		}
		ts.statusLists.changed(2)
		if again := get(); reads != 1 || again != first {
			t.Errorf("after a change in another list: %d reads, signed anew: %v", reads, again != first)
		}
		ts.Forget(pfid.ID{})
		if again := get(); reads != 2 || again != first {
			t.Errorf("after a change elsewhere: %d reads, signed anew: %v", reads, again != first)
		}
		status = Suspended
		ts.statusLists.changed(1)
		second := get()
		if reads != 3 || second == first {
			t.Errorf("after a change: %d reads, signed anew: %v", reads, second != first)
		}
		time.Sleep(statusListRenewal - time.Nanosecond) // of the bubble's clock
		if again := get(); reads != 3 || again != second {
			t.Errorf("before its renewal: %d reads, signed anew: %v", reads, again != second)
		}
		time.Sleep(time.Nanosecond)
		if again := get(); reads != 4 || again == second {
			t.Errorf("at its renewal: %d reads, signed anew: %v", reads, again != second)
		}
	})
}

func TestAListThatCannotBeReadIsAnErrorAndNotRemembered(t *testing.T) {
	broken := true
	ts := listsOver(t, func(int, func(int, Status)) (bool, error) {
		if broken {
			return false, errors.New("the store is gone")
		}
		return true, nil
	})
	if _, err := ts.StatusList(t.Context(), 1); err == nil {
		t.Error("a list was made of nothing")
	}
	broken = false
	if _, err := ts.StatusList(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestARenderThatPanicsIsAnErrorForAllWhoWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		ts := listsOver(t, func(int, func(int, Status)) (bool, error) {
			<-answer
			panic("no")
		})
		var asking sync.WaitGroup
		for range 3 {
			asking.Go(func() {
				if list, err := ts.StatusList(t.Context(), 1); err == nil {
					t.Errorf("a list of %d bytes was made of a panic", len(list.JWT))
				}
			})
		}
		synctest.Wait()
		close(answer)
		asking.Wait()
		if _, err := ts.StatusList(t.Context(), 1); err == nil {
			t.Error("no error after a panic")
		}
	})
}

func TestNoMoreThanSoManyListsAreKept(t *testing.T) {
	reads := map[int]int{}
	ts := listsOver(t, func(number int, _ func(int, Status)) (bool, error) {
		reads[number]++
		return number <= maxStatusLists+10, nil
	})
	for number := range maxStatusLists + 20 {
		_, _ = ts.StatusList(t.Context(), number+1)
		_, _ = ts.StatusList(t.Context(), 1)
	}
	if n := len(ts.statusLists.lists); n != maxStatusLists {
		t.Errorf("%d are kept", n)
	}
	if reads[1] != 1 {
		t.Errorf("the one that is asked for all the time was read %d times", reads[1])
	}
}

func TestManyWhoAskAtOnceGetWhatHoldsWhileItChanges(t *testing.T) {
	var made, answered atomic.Int64
	ts := listsOver(t, func(_ int, set func(int, Status)) (bool, error) {
		for index := range made.Load() {
			set(int(index), Revoked)
		}
		return true, nil
	})
	const changes = 100
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			for known := int64(0); known < changes; {
				known = answered.Load()
				list, err := ts.StatusList(t.Context(), 1)
				if err != nil {
					t.Error(err)
					return
				}
				if known > 0 && valueIn(t, list, int(known-1)) != 1 {
					t.Errorf("change %d is not in the list", known)
				}
			}
		})
	}
	for range changes {
		made.Add(1)
		ts.Forget(pfid.ID{})
		answered.Add(1)
	}
	wait.Wait()
}

func TestAListWhoseTurnDoesNotComeIsRefusedInBoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		ts := listsOver(t, func(int, func(int, Status)) (bool, error) {
			<-answer
			return true, nil
		})
		var asking sync.WaitGroup
		for number := range cap(ts.statusLists.slots) {
			asking.Go(func() { _, _ = ts.StatusList(t.Context(), number+1) })
		}
		synctest.Wait()
		began := time.Now()
		_, err := ts.StatusList(t.Context(), 1000)
		if took := time.Since(began); fault.KindOf(err) != fault.Unavailable || took != renderTimeout {
			t.Errorf("%v after %s, want it to be unavailable after %s", err, took, renderTimeout)
		}
		close(answer)
		asking.Wait()
		if _, err := ts.StatusList(t.Context(), 1000); err != nil {
			t.Errorf("when the store answers again: %v", err)
		}
	})
}

func TestAStoreThatHangsPermanentlyKeepsNoCallerWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		ts := listsOver(t, func(int, func(int, Status)) (bool, error) {
			<-answer // ignores its context
			return true, nil
		})
		slots := cap(ts.statusLists.slots)
		var asking sync.WaitGroup
		var refused atomic.Int64
		ask := func(number int) {
			asking.Go(func() {
				if _, err := ts.StatusList(t.Context(), number); fault.KindOf(err) == fault.Unavailable {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		for number := range slots {
			ask(number + 1)
		}
		synctest.Wait()
		for range 10 {
			for number := range slots + 5 {
				ask(number + 1)
			}
		}
		time.Sleep(renderTimeout) // of the bubble's clock
		synctest.Wait()
		if got, want := refused.Load(), int64(slots+10*(slots+5)); got != want {
			t.Errorf("%d callers were refused in time, want all %d", got, want)
		}
		close(answer)
		asking.Wait()
	})
}
