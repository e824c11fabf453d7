// What tor tells while it runs: how far it is with its start, whether circuits stand, what became of onion
// descriptors, and its log lines. Used by transport-tor. Source: control-spec, "Asynchronous events" (4.1).
#pragma once

#include "plexus/tor_control/reply.hpp"

namespace plexus::tor_control {

/// How far tor is: from an event, or from GETINFO status/bootstrap-phase.
struct bootstrap_phase {
    unsigned percent = 0;
    std::string summary;   ///< "Loading relay descriptors"
    std::string warning;   ///< what hinders it; empty: nothing
    bool is_final = false; ///< it will not go on by itself: tor recommends to act
};
/// From "NOTICE BOOTSTRAP PROGRESS=... SUMMARY=...", as it stands in both.
std::optional<bootstrap_phase> parse_bootstrap(std::string_view status);

struct descriptor_event {
    enum class kind { created, upload, uploaded, failed, other };
    kind what = kind::other;
    std::string service; ///< without ".onion"
    std::string reason;  ///< of a failure: "UPLOAD_REJECTED"
};

/// An event as far as Plexus cares; nothing in it: of no interest.
struct event {
    std::optional<bootstrap_phase> bootstrap;
    std::optional<bool> circuits; ///< whether any can be built
    std::optional<descriptor_event> descriptor;
    std::string trouble; ///< of STATUS_GENERAL or STATUS_CLIENT, for people; empty: none
};
event parse_event(const reply& from);

/// A line of tor's log as it comes on its standard output.
struct log_line {
    enum class severity { error, warning, notice, debug };
    severity level = severity::notice;
    std::string text; ///< without time and level, printable
};
log_line parse_log_line(std::string_view line);

/// Where SOCKS listens, from the value of net/listeners/socks: quoted words, "unix:/path" or
/// "127.0.0.1:9050".
std::vector<std::string> parse_listeners(std::string_view value);

} // namespace plexus::tor_control
