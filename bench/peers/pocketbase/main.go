// Pocketbase is a peer in the bench: PocketBase with its default settings and one user, whose token it prints. Its activity
// log is off, in its favour. Rate limits are off by default.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: pocketbase ADDRESS FOLDER")
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func serve(address, folder string) error {
	app := pocketbase.NewWithConfig(pocketbase.Config{DefaultDataDir: folder, HideStartBanner: true})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	app.Settings().Logs.MaxDays = 0
	if err := app.Save(app.Settings()); err != nil {
		return err
	}
	// Without an administrator PocketBase would open a browser.
	if _, err := create(app, core.CollectionNameSuperusers); err != nil {
		return err
	}
	user, err := create(app, "users")
	if err != nil {
		return err
	}
	token, err := user.NewAuthToken()
	if err != nil {
		return err
	}
	fmt.Println(token)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { os.Exit(0) })
	return apis.Serve(app, apis.ServeConfig{HttpAddr: address})
}

// create adds a record that can sign in to a collection.
func create(app core.App, collection string) (*core.Record, error) {
	kind, err := app.FindCollectionByNameOrId(collection)
	if err != nil {
		return nil, err
	}
	record := core.NewRecord(kind)
	record.SetEmail("bench@example.com")
	record.SetPassword("a password for the bench")
	return record, app.Save(record)
}
