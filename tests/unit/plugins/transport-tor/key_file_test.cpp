#include "key_file.hpp"

#include "plexus/abi.hpp"

#include "seeded_random.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace plexus::transport_tor {
namespace {

namespace fs = std::filesystem;

struct KeyFile : testing::Test {
    KeyFile() {
        std::string name = (fs::temp_directory_path() / "plexus-key-XXXXXX").string();
        root = ::mkdtemp(name.data());
        path = (root / "onion.key").string();
    }
    ~KeyFile() override { fs::remove_all(root); }
    fs::path root;
    std::string path;
    test::seeded_random random{3};
};

TEST_F(KeyFile, MadeOnceAndKept) {
    const auto made = load_or_make_key(path, random);
    ASSERT_TRUE(made) << made.error().message();
    struct stat what {};
    ASSERT_EQ(::stat(path.c_str(), &what), 0);
    EXPECT_EQ(what.st_mode & 0777, 0600U);
    const auto again = load_or_make_key(path, random);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->host(), made->host());
    EXPECT_EQ(std::distance(fs::directory_iterator(root), fs::directory_iterator()), 1);
}

TEST_F(KeyFile, WhatIsWrongWithOne) {
    std::ofstream(path) << "not a key";
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    auto read = load_or_make_key(path, random);
    ASSERT_FALSE(read);
    EXPECT_TRUE(read.error().is(status::corrupt));
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    read = load_or_make_key(path, random);
    ASSERT_FALSE(read);
    EXPECT_TRUE(read.error().is(status::denied));
    EXPECT_FALSE(load_or_make_key((root / "nowhere" / "key").string(), random));
}

} // namespace
} // namespace plexus::transport_tor
