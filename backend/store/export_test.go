package store

// BeforeStatement makes the program call f before each statement, which fails with the error of f.
func BeforeStatement(f func(query string) error) { beforeStatement = f }
