package client

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestNoTypesOfTheWire: what a program gets from a client, and gives it, is of package
// ha or of this one. How the wire spells it is nothing that programs depend on.
func TestNoTypesOfTheWire(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			for name, node := range exported(decl) {
				seen++
				ast.Inspect(node, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok && id.Name == "subjects" {
						t.Errorf("%s: %s speaks of package subjects", f.Name(), name)
					}
					return true
				})
			}
		}
	}
	if seen < 30 {
		t.Errorf("looked at %d declarations only", seen)
	}
}

// exported returns the exported part of a declaration: the signatures of functions and
// methods, and the exported fields of types.
func exported(decl ast.Decl) map[string]ast.Node {
	nodes := map[string]ast.Node{}
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Name.IsExported() {
			nodes[decl.Name.Name] = decl.Type
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			s, ok := spec.(*ast.TypeSpec)
			if !ok || !s.Name.IsExported() {
				continue
			}
			fields, ok := s.Type.(*ast.StructType)
			if !ok {
				nodes[s.Name.Name] = s.Type
				continue
			}
			for _, f := range fields.Fields.List {
				switch {
				case len(f.Names) == 0:
					nodes[s.Name.Name+" embeds"] = f.Type
				case f.Names[0].IsExported():
					nodes[s.Name.Name+"."+f.Names[0].Name] = f.Type
				}
			}
		}
	}
	return nodes
}
