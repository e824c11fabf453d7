"""Each rule of tests/house-rules, broken once."""

import importlib.machinery
import importlib.util
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "house-rules"
loader = importlib.machinery.SourceFileLoader("house_rules", str(SCRIPT))
spec = importlib.util.spec_from_loader("house_rules", loader)
house_rules = importlib.util.module_from_spec(spec)
loader.exec_module(house_rules)


class Case(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.write("sdk/abi/include/plexus/abi/base.h", "/* Types. */\n#include <stdint.h>\n")
        self.write("sdk/cpp/include/plexus/bytes.hpp", '// Bytes.\n#include "plexus/abi/base.h"\n#include <vector>\n')
        self.write("sdk/protocol/include/plexus/smp/block.hpp", '// Blocks.\n#include "plexus/bytes.hpp"\n')
        self.write("kernel/src/loop.hpp", '// Loops.\n#include <boost/asio/post.hpp>\n#include "plexus/bytes.hpp"\n')
        self.write("plugins/one/one.hpp", '// One.\n#include "plexus/smp/block.hpp"\n')
        self.write("plugins/one/one.cpp", '#include "one.hpp"\n')
        self.write("plugins/two/two.hpp", "// Two.\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def broken(self, build=None):
        return house_rules.Checker(self.root, build).check()

    def expect(self, *parts):
        broken = self.broken()
        self.assertEqual(len(broken), 1, broken)
        for part in parts:
            self.assertIn(part, broken[0])


class Includes(Case):
    def test_a_good_tree(self):
        self.assertEqual(self.broken(), [])

    def test_abi(self):
        self.write("sdk/abi/include/plexus/abi/x.h", "/* X. */\n#include <string>\n")
        self.expect("sdk/abi/include/plexus/abi/x.h:2", "string")

    def test_ring(self):
        self.write("sdk/cpp/include/plexus/x.hpp", "// X.\n#include <boost/asio/post.hpp>\n")
        self.expect("boost/asio/post.hpp")

    def test_ring_and_protocol(self):
        self.write("sdk/cpp/include/plexus/x.hpp", '// X.\n#include "plexus/smp/block.hpp"\n')
        self.expect("plexus/smp/block.hpp")

    def test_protocol(self):
        for name in ("thread", "sys/socket.h", "fstream", "random", "boost/asio/io_context.hpp", "openssl/rand.h"):
            self.write("sdk/protocol/src/x.cpp", f"#include <{name}>\n")
            self.expect("sdk/protocol/src/x.cpp:1", name)

    def test_plugin_and_kernel(self):
        self.write("plugins/one/one.cpp", '#include "plexus/kernel/kernel.hpp"\n')
        self.expect("plugins/one/one.cpp:1", "asks the host")

    def test_plugin_and_plugin(self):
        self.write("plugins/one/one.cpp", '#include "../two/two.hpp"\n')
        self.expect("two.hpp", "neither its own nor of the SDK")

    def test_kernel_and_protocol(self):
        self.write("kernel/src/x.cpp", '#include "plexus/smp/block.hpp"\n')
        broken = "\n".join(self.broken())
        self.assertIn("it knows no protocol", broken)

    def test_kernel_and_plugin(self):
        self.write("kernel/src/x.cpp", 'auto name = "two";\n')
        self.expect("kernel/src/x.cpp:1", "two")

    def test_headers_begin_with_a_sentence(self):
        self.write("plugins/one/x.hpp", "#pragma once\n")
        self.expect("plugins/one/x.hpp:1", "opens with a sentence")


class Awaits(Case):
    def awaits(self, text):
        self.write("plugins/one/one.cpp", f"void f() {{\n{text}\n}}\n")
        return len(self.broken())

    def test_good(self):
        for text in ("co_await f(a, b);", "if (co_await f()) { g(); }", "co_return co_await f(x[1]);",
                     'co_await f("{ ? }"); // {', "auto x = co_await f(), y = a ? b : c;"):
            self.assertEqual(self.awaits(text), 0, text)

    def test_bad(self):
        for text in ("co_await f({1, 2});", "co_await f(T{1});", "co_await f(a ? b : c);", "co_await (a ? b : c);",
                     "co_await f(\n    T{});"):
            self.assertEqual(self.awaits(text), 1, text)


class Built(Case):
    ENTRY = "__attribute__((visibility(\"default\"))) const void* plexus_plugin_entry(void) { return 0; }\n"

    def build(self, source, *options, name="one"):
        folder = self.root / "build/lib/plexus/plugins"
        folder.mkdir(parents=True, exist_ok=True)
        code = self.root / "code.c"
        code.write_text(source)
        subprocess.run(["cc", "-shared", "-fPIC", "-fvisibility=hidden", "-o", str(folder / f"{name}.so"), str(code),
                        f"-L{folder}", f"-Wl,-rpath-link,{folder}", *options], check=True)
        return self.broken(self.root / "build")

    def test_good(self):
        self.assertEqual(self.build(self.ENTRY), [])

    def test_exports(self):
        broken = self.build(self.ENTRY + "__attribute__((visibility(\"default\"))) int more;\n")
        self.assertIn("exports more", broken[0])

    def test_no_entry(self):
        self.assertIn("exports nothing", self.build("int x;\n")[0])

    def test_calls(self):
        for call, header in (("time(0)", "time.h"), ("getrandom(0, 0, 0)", "sys/random.h"), ("usleep(1)", "unistd.h"),
                             ("getaddrinfo(0, 0, 0, 0)", "netdb.h"), ("rand()", "stdlib.h")):
            broken = self.build(f"#define _GNU_SOURCE\n#include <{header}>\n{self.ENTRY}int f(void);\n"
                                f"int f(void) {{ return (int){call}; }}\n"
                                "__attribute__((used)) static int (*p)(void) = f;\n")
            self.assertEqual(len(broken), 1, broken)
            self.assertIn("it calls " + call.split("(")[0], broken[0])

    def test_links(self):
        self.build(self.ENTRY, "-Wl,-soname,other.so", name="other")
        broken = self.build(self.ENTRY, "-Wl,--no-as-needed", "-l:other.so")
        self.assertIn("links another plugin, other.so", "\n".join(broken))

    def test_links_kernel(self):
        self.build("int x;\n", "-Wl,-soname,libplexus.so.0", name="../../libplexus")
        broken = self.build(self.ENTRY, "-Wl,--no-as-needed", f"-L{self.root}/build/lib", "-l:libplexus.so")
        self.assertIn("links the kernel", "\n".join(broken))


if __name__ == "__main__":
    unittest.main()
