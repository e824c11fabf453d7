// A simulated server and people with an agent each: what tests of the agent talk through.
#pragma once

#include "machine.hpp"

#include "plexus/abi/draft/agent.h"
#include "plexus/bytes.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

namespace plexus::test {

/// A machine with the SMP server on the simulated network, and a memory that survives its crashes. `more` is
/// added to the server's configuration.
class smp_machine {
  public:
    explicit smp_machine(kernel::simulation& world, const std::string& host = "server",
                         const std::string& more = {});
    ~smp_machine();
    std::string address() const { return address_; }
    machine& host() { return *machine_; }

  private:
    std::filesystem::path folder_;
    std::string address_;
    std::unique_ptr<machine> machine_;
};

/// A machine with an agent, and its user, who answers confirmations and acknowledges every stored event. What
/// the user keeps survives crashes of the machine.
class agent_user {
  public:
    struct event {
        std::uint32_t kind = 0;
        std::uint64_t connection = 0;
        std::uint64_t id = 0;
        std::int32_t status = 0;
        std::uint32_t integrity = 0;
        std::string body;
        std::string text;
    };
    struct link {
        std::uint64_t connection = 0;
        std::string full;
        std::string short_;
    };

    /// `more` is added to the agent's configuration, and may have a section of the network. Users with the
    /// same `image` have the same database; without one it is this user's own.
    agent_user(kernel::simulation& world, std::string name, const std::string& server, std::string more = {},
               std::string image = {});
    ~agent_user();

    void start();
    void stop() { machine_->stop(); }
    void crash() { machine_->crash(); }
    machine& host() { return *machine_; }

    /// These wait for the completion; an error's message is thrown.
    link create();
    std::uint64_t join(std::string_view text);
    std::uint64_t send(std::uint64_t connection, std::string_view text);
    void remove(std::uint64_t connection, bool wait_sent);
    std::string security_code(std::uint64_t connection);
    std::string inspect(std::string_view text);
    std::string derive_key(std::string_view label);
    /// Without waiting; counts accepted messages.
    void begin_send(std::uint64_t connection, std::string text);

    std::vector<event> kept(std::uint32_t kind) const;
    std::vector<std::string> texts() const;
    bool connected() const { return !kept(PLEXUS_AGENT_CONNECTED).empty(); }

    std::vector<event> events;  ///< stored ones, each once
    std::vector<event> passing; ///< those of the moment
    std::map<std::uint64_t, std::string> accepted;
    bool repeated = false; ///< a stored event came after a later one

  private:
    struct outcome;
    const plexus_agent* agent() { return machine_->service<plexus_agent>("agent", PLEXUS_AGENT_ID); }
    void take(const plexus_agent_event& from);
    outcome wait(const std::function<std::int32_t(const plexus_agent*, outcome&)>& begin);

    kernel::simulation& world_;
    std::string name_;
    std::unique_ptr<machine> machine_;
    std::uint64_t last_sequence_ = 0;
};

} // namespace plexus::test
