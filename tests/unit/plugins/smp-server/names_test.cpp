// RSLV at the running server, with a resolver plugin and without one.
#include "running_server.hpp"

#include "plexus/abi/draft/resolver.h"

namespace plexus::smp_server::test {
namespace {

std::string look_up(smp_peer& peer, std::string_view name) {
    std::string out;
    peer.send(cmd::rslv{as_bytes(name)}, {}, nullptr);
    peer.receive([&](const smp::client_event& event) {
        const auto* failed = std::get_if<msg::err>(&event.content);
        const auto* found = std::get_if<msg::rname>(&event.content);
        out = found != nullptr    ? to_string(found->json)
              : failed != nullptr ? "ERR " + smp::to_text(failed->error)
                                  : std::string(smp::name(event.content));
        return true;
    });
    return out;
}

TEST(names, are_those_of_the_resolver) {
    folder where;
    running_server server(where.path() / "server", "[plugin.test-resolver]\n", "store-memory");
    bench::system_random random;
    smp_peer peer(server.address(), random);
    EXPECT_EQ(look_up(peer, "alice.simplex"), "{\"name\":\"alice.simplex\"}");
    EXPECT_EQ(look_up(peer, "Alice.Simplex"), "{\"name\":\"alice.simplex\"}");
    EXPECT_EQ(look_up(peer, "missing.simplex"), "ERR NAME NOT_FOUND");
    EXPECT_EQ(look_up(peer, "late.simplex"), "ERR NAME RESOLVER timeout");
    EXPECT_EQ(look_up(peer, "broken.simplex"), "ERR NAME RESOLVER resolver error");
    EXPECT_EQ(look_up(peer, "stopping.simplex"), "ERR NAME RESOLVER resolver error");
    EXPECT_EQ(look_up(peer, "garbage.simplex"), "ERR NAME RESOLVER invalid response");
    EXPECT_EQ(look_up(peer, "long.simplex"), "ERR NAME RESOLVER response too large");
    EXPECT_EQ(look_up(peer, "full.simplex").size(), std::size_t(PLEXUS_NAME_RECORD_MOST));
}

TEST(names, there_are_none_without_a_resolver) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    smp_peer peer(server.address(), random);
    EXPECT_EQ(look_up(peer, "alice.simplex"), "ERR NAME NO_RESOLVER");
    EXPECT_EQ(look_up(peer, "alice"), "ERR CMD SYNTAX");
}

} // namespace
} // namespace plexus::smp_server::test
