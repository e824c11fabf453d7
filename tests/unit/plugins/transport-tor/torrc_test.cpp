#include "torrc.hpp"

#include "plexus/abi.hpp"

#include <gtest/gtest.h>

namespace plexus::transport_tor {
namespace {

torrc_settings with(std::vector<std::string> more) {
    torrc_settings out;
    out.more = std::move(more);
    return out;
}

TEST(Torrc, WhatTorReads) {
    torrc_settings settings = with({"EntryNodes {de}"});
    settings.bridges = {"obfs4 1.2.3.4:443 AAAA cert=x iat-mode=0"};
    settings.client_plugins = {"obfs4 exec /usr/bin/obfs4proxy"};
    ASSERT_TRUE(check_torrc(settings));
    EXPECT_EQ(torrc_text(settings, "/a \"b\"", 12, 3),
              "DataDirectory \"/a \\\"b\\\"\"\n"
              "ControlPort unix:/proc/self/cwd/./control.sock\n"
              "CookieAuthentication 1\n"
              "SocksPort unix:/proc/self/cwd/./socks.sock ExtendedErrors "
              "IsolateSOCKSAuth\n"
              "__OwningControllerProcess 12\n"
              "__OwningControllerFD 3\n"
              "ClientOnly 1\n"
              "Log notice stdout\n"
              "UseBridges 1\n"
              "ClientTransportPlugin obfs4 exec /usr/bin/obfs4proxy\n"
              "Bridge obfs4 1.2.3.4:443 AAAA cert=x iat-mode=0\n"
              "EntryNodes {de}\n");
}

TEST(Torrc, WhatIsOursStaysOurs) {
    for (const auto line :
         {"DataDirectory /tmp", "  datadirectory /tmp", "+ControlPort 9051", "/ControlPort", "RunAsDaemon 1",
          "__OwningControllerProcess 1", "HiddenServiceSingleHopMode 1", "HiddenServiceNonAnonymousMode 1",
          "%include /etc/tor/torrc", "a\nb", "a\rb", "", "a \\"}) {
        const auto checked = check_torrc(with({line}));
        ASSERT_FALSE(checked) << line;
        EXPECT_TRUE(checked.error().is(status::invalid));
    }
    torrc_settings bridge;
    bridge.bridges = {"1.2.3.4:443\nControlPort 1"};
    EXPECT_FALSE(check_torrc(bridge));
    torrc_settings plugin;
    plugin.client_plugins = {"obfs4 exec x\n"};
    EXPECT_FALSE(check_torrc(plugin));
}

} // namespace
} // namespace plexus::transport_tor
