#include "data_folder.hpp"

#include "plexus/abi.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/un.h>

namespace plexus::transport_tor {
namespace {

namespace fs = std::filesystem;

struct DataFolder : testing::Test {
    DataFolder() : root(fs::temp_directory_path() / ("plexus-tor-XXXXXX")) {
        std::string name = root.string();
        root = ::mkdtemp(name.data());
    }
    ~DataFolder() override { fs::remove_all(root); }
    fs::path root;
};

TEST_F(DataFolder, IsPrivateAndHeldOnce) {
    const auto path = (root / "a" / "tor").string();
    auto first = data_folder::open(path);
    ASSERT_TRUE(first) << first.error().message();
    struct stat what {};
    ASSERT_EQ(::stat(path.c_str(), &what), 0);
    EXPECT_EQ(what.st_mode & 0777, 0700U);
    EXPECT_FALSE(fs::exists(path + "/plexus.probe"));
    const auto second = data_folder::open(path);
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().is(status::busy));
    first->reset();
    EXPECT_TRUE(data_folder::open(path));
}

TEST_F(DataFolder, OneThatIsOpenToOthersIsClosed) {
    const auto path = (root / "tor").string();
    fs::create_directory(path);
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
    ASSERT_TRUE(data_folder::open(path));
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
}

TEST_F(DataFolder, WhatIsNoFolder) {
    std::ofstream(root / "file") << "x";
    const auto none = data_folder::open((root / "file").string());
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message().find("file"), std::string::npos);
    EXPECT_FALSE(data_folder::open((root / "file" / "tor").string()));
}

TEST_F(DataFolder, SocketsFitTheirAddressHoweverLongThePath) {
    auto path = root;
    while (path.string().size() < 200) path /= "a-rather-long-name";
    const auto folder = data_folder::open(path.string());
    ASSERT_TRUE(folder);
    const auto socket = (*folder)->socket(control_socket);
    EXPECT_LT(socket.size(), sizeof(sockaddr_un::sun_path));
    std::ofstream(path / control_socket) << "x";
    EXPECT_TRUE(fs::exists(socket));
    (*folder)->remove_sockets();
    EXPECT_FALSE(fs::exists(path / control_socket));
}

TEST_F(DataFolder, LinesOfItsTorrc) {
    const auto folder = data_folder::open((root / "tor").string());
    ASSERT_TRUE(folder);
    auto lines = (*folder)->torrc();
    ASSERT_TRUE(lines);
    EXPECT_TRUE(lines->empty());
    std::ofstream(root / "tor" / "torrc") << "# comment\n\n  UseBridges 1 \r\nBridge 1.2.3.4:443\nlast";
    lines = (*folder)->torrc();
    ASSERT_TRUE(lines);
    const std::vector<std::string> expected{"UseBridges 1", "Bridge 1.2.3.4:443", "last"};
    EXPECT_EQ(*lines, expected);
    std::ofstream(root / "tor" / "torrc") << std::string(40'000, 'x');
    EXPECT_FALSE((*folder)->torrc());
}

} // namespace
} // namespace plexus::transport_tor
