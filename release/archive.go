package main

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"
)

// file is one file of an archive. Its name has slashes and no leading one.
type file struct {
	name       string
	content    []byte
	executable bool
}

func (f file) mode() fs.FileMode {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// sorted returns the files ordered by name, after the folders that they need.
func sorted(files []file) (folders []string, ordered []file) {
	for _, f := range files {
		for folder := path.Dir(f.name); folder != "."; folder = path.Dir(folder) {
			folders = append(folders, folder+"/")
		}
	}
	slices.Sort(folders)
	ordered = slices.Clone(files)
	slices.SortFunc(ordered, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return slices.Compact(folders), ordered
}

// writeTarGz writes the files as root's, all with the same time, so that the bytes depend on nothing else.
func writeTarGz(to io.Writer, files []file, made time.Time) error {
	zipped, err := gzip.NewWriterLevel(to, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zipped)
	folders, ordered := sorted(files)
	header := tar.Header{Uname: "root", Gname: "root", ModTime: made, Format: tar.FormatUSTAR}
	for _, folder := range folders {
		h := header
		h.Typeflag, h.Name, h.Mode = tar.TypeDir, folder, 0o755
		if err := archive.WriteHeader(&h); err != nil {
			return err
		}
	}
	for _, f := range ordered {
		h := header
		h.Typeflag, h.Name, h.Mode, h.Size = tar.TypeReg, f.name, int64(f.mode()), int64(len(f.content))
		if err := archive.WriteHeader(&h); err != nil {
			return err
		}
		if _, err := archive.Write(f.content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), zipped.Close())
}

// writeZip writes the files as writeTarGz does.
func writeZip(to io.Writer, files []file, made time.Time) error {
	archive := zip.NewWriter(to)
	folders, ordered := sorted(files)
	for _, folder := range folders {
		h := &zip.FileHeader{Name: folder, Modified: made}
		h.SetMode(fs.ModeDir | 0o755)
		if _, err := archive.CreateHeader(h); err != nil {
			return err
		}
	}
	for _, f := range ordered {
		h := &zip.FileHeader{Name: f.name, Modified: made, Method: zip.Deflate}
		h.SetMode(f.mode())
		w, err := archive.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return archive.Close()
}
