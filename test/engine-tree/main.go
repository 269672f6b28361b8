// Command engine-tree lays layers over each other as engines do, and tells what a container of them would see.
//
// Each line of its input is a case: {"layers": [base64 of a tar, ...]}, lowest first. Each line of its output is
// {"moby": {...}, "containerd": {...}}, each with "tree", a record a path as the tree digest has it, or with "error",
// why that engine does not unpack the layers. It must be root, on Linux.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	containerd "github.com/containerd/containerd/v2/pkg/archive"
	moby "github.com/moby/go-archive"
	"github.com/moby/go-archive/chrootarchive"
	"golang.org/x/sys/unix"
)

// record is one path of a merged tree; byte strings are escaped as in the tree digest.
type record struct {
	Path     string      `json:"path"`
	Type     string      `json:"type"`
	Mode     string      `json:"mode"`
	UID      uint32      `json:"uid"`
	GID      uint32      `json:"gid"`
	Size     int64       `json:"size"`
	MTime    int64       `json:"mtime"`
	Target   string      `json:"target"`
	Major    uint32      `json:"major"`
	Minor    uint32      `json:"minor"`
	Hardlink string      `json:"hardlink"`
	Xattrs   [][2]string `json:"xattrs"`
	SHA256   string      `json:"sha256"`
}

type outcome struct {
	Error string   `json:"error,omitempty"`
	Tree  []record `json:"tree"`
}

// unpack writes a layer into an empty directory; parents are the directories of the layers below, topmost first.
type unpack func(layer []byte, directory string, parents []string) error

// As docker's overlay2 driver does, in a chroot.
func unpackMoby(layer []byte, directory string, _ []string) error {
	options := &moby.TarOptions{WhiteoutFormat: moby.OverlayWhiteoutFormat}
	return chrootarchive.UntarUncompressed(bytes.NewReader(layer), directory, options)
}

// As containerd's diff service does: its overlayfs snapshotter mounts the lowest layer's directory itself.
func unpackContainerd(layer []byte, directory string, parents []string) error {
	var options []containerd.ApplyOpt
	if len(parents) > 0 {
		options = append(options, containerd.WithConvertWhiteout(containerd.OverlayConvertWhiteout),
			containerd.WithParents(append([]string{}, parents...)))
	}
	_, err := containerd.Apply(context.Background(), directory, bytes.NewReader(layer), options...)
	return err
}

func merge(work string, layers [][]byte, unpack unpack) (result outcome) {
	if err := os.MkdirAll(work, 0o755); err != nil {
		panic(err)
	}
	defer os.RemoveAll(work)
	var lower []string
	for index, layer := range layers {
		directory := filepath.Join(work, fmt.Sprint(index))
		if err := os.Mkdir(directory, 0o755); err != nil {
			panic(err)
		}
		if err := unpack(layer, directory, lower); err != nil {
			return outcome{Error: err.Error()}
		}
		lower = append([]string{directory}, lower...)
	}
	// a container's own directory, which is empty, and where files are seen
	for _, name := range []string{"upper", "merged"} {
		if err := os.Mkdir(filepath.Join(work, name), 0o755); err != nil {
			panic(err)
		}
	}
	merged := filepath.Join(work, "merged")
	options := "lowerdir=" + strings.Join(append([]string{filepath.Join(work, "upper")}, lower...), ":")
	if err := unix.Mount("overlay", merged, "overlay", unix.MS_RDONLY, options); err != nil {
		panic(fmt.Errorf("mounting overlayfs: %w", err))
	}
	defer unix.Unmount(merged, 0)
	tree, err := list(merged)
	if err != nil {
		// of marks that overlayfs keeps for itself
		return outcome{Error: "listing what overlayfs shows: " + err.Error()}
	}
	return outcome{Tree: tree}
}

func list(root string) ([]record, error) {
	records := []record{}
	files := map[string]uint64{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		var stat unix.Stat_t
		if err := unix.Lstat(path, &stat); errors.Is(err, unix.ENOENT) {
			// a whiteout that hides nothing: overlayfs lists its name, and no program can open it
			return nil
		} else if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root+"/")
		files[name] = stat.Ino
		r := record{Path: name, Mode: fmt.Sprintf("%04o", stat.Mode&0o7777), UID: stat.Uid, GID: stat.Gid, MTime: stat.Mtim.Sec}
		switch stat.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(content)
			r.Type, r.Size, r.SHA256 = "file", stat.Size, hex.EncodeToString(sum[:])
		case unix.S_IFDIR:
			r.Type = "directory"
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			r.Type, r.Target = "symlink", escape(target)
		case unix.S_IFCHR, unix.S_IFBLK:
			r.Type = map[bool]string{true: "character", false: "block"}[stat.Mode&unix.S_IFMT == unix.S_IFCHR]
			r.Major, r.Minor = unix.Major(stat.Rdev), unix.Minor(stat.Rdev)
		case unix.S_IFIFO:
			r.Type = "fifo"
		}
		if r.Xattrs, err = xattrs(path); err != nil {
			return err
		}
		records = append(records, r)
		return nil
	})
	sort.Slice(records, func(i, j int) bool { return records[i].Path < records[j].Path })
	first := map[uint64]string{}
	for i := range records {
		r := &records[i]
		name, known := first[files[r.Path]]
		if !known {
			first[files[r.Path]] = r.Path
		} else if r.Type != "directory" {
			r.Hardlink = escape(name)
		}
		r.Path = escape(r.Path)
	}
	return records, err
}

func xattrs(path string) ([][2]string, error) {
	found := [][2]string{}
	names := make([]byte, 1<<16)
	length, err := unix.Llistxattr(path, names)
	if errors.Is(err, unix.ENOTSUP) {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Split(string(names[:length]), "\x00") {
		if name == "" {
			continue
		}
		value := make([]byte, 1<<16)
		length, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return nil, err
		}
		found = append(found, [2]string{escape(name), hex.EncodeToString(value[:length])})
	}
	sort.Slice(found, func(i, j int) bool { return found[i][0] < found[j][0] })
	return found, nil
}

func escape(text string) string {
	var escaped strings.Builder
	for _, b := range []byte(text) {
		if b < 0x21 || b > 0x7e || strings.IndexByte(`%"\`, b) >= 0 {
			fmt.Fprintf(&escaped, "%%%02X", b)
		} else {
			escaped.WriteByte(b)
		}
	}
	return escaped.String()
}

func main() {
	const inside = "ENGINE_TREE_INSIDE"
	if os.Getenv(inside) == "" {
		// mounts of its own, which end with it
		command := exec.Command("/proc/self/exe")
		command.Env = append(os.Environ(), inside+"=1")
		command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		if err := command.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "engine-tree:", err)
			os.Exit(1)
		}
		return
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		panic(err)
	}
	unix.Umask(0o022)
	work, err := os.MkdirTemp("", "engine-tree")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(work)
	input, output := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		var given struct {
			Layers [][]byte `json:"layers"`
		}
		if err := json.Unmarshal(line, &given); err != nil {
			panic(err)
		}
		if err := output.Encode(map[string]outcome{
			"moby":       merge(filepath.Join(work, "moby"), given.Layers, unpackMoby),
			"containerd": merge(filepath.Join(work, "containerd"), given.Layers, unpackContainerd),
		}); err != nil {
			panic(err)
		}
	}
}
