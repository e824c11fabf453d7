// The chat plugin in a real kernel in virtual time, over a store in memory and an agent that the test plays.
// Used by the chat's tests.
#pragma once

#include "plexus/abi/draft/agent.h"
#include "plexus/abi/draft/chat.h"
#include "plexus/bytes.hpp"
#include "plexus/kernel/kernel.hpp"
#include "plexus/kernel/simulation.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <memory>
#include <string>
#include <vector>

namespace plexus::test {

namespace json = boost::json;

/// What the chat asked its agent to do, and how the agent answers.
struct fake_agent {
    struct sent_message {
        std::uint64_t connection;
        std::uint64_t id;
        std::uint64_t tag;
        std::string body;
    };
    std::vector<std::string> calls; ///< "create", "join LINK", "allow 1 2", "remove 1 wait"
    std::vector<sent_message> sent;
    std::vector<std::uint64_t> acknowledged;
    std::string last_info;      ///< of join and allow
    std::string last_user_data; ///< of create
    std::uint64_t next_connection = 1;
    std::uint64_t next_message = 1;
    std::int32_t send_status = PLEXUS_OK;
    std::int32_t join_status = PLEXUS_OK;
    std::uint64_t last_tag = 0; ///< of the messages that it took
    bool holds_sends = false;   ///< sends never complete, as if the program died in them
    bool loses_sends = false;   ///< nor does it take them
    std::string key;            ///< what it derives keys from

    void (*receive)(void*, const plexus_agent_event*) = nullptr;
    void* receiver = nullptr;
};

class chat_world {
  public:
    /// `image` is where the store keeps its data between worlds of one test; `key` stands for the agent's
    /// data key, `last_tag` is what the agent knows from the world before, `capacity` bounds the store.
    explicit chat_world(std::string image, std::string key = {}, std::uint64_t last_tag = 0,
                        const std::string& capacity = "0");
    ~chat_world();
    chat_world(const chat_world&) = delete;
    chat_world& operator=(const chat_world&) = delete;

    /// Nothing, or why the kernel did not start.
    const std::string& failure() const { return failure_; }
    json::object command(const std::string& text);
    /// An event of the agent; returns when the chat has handled it.
    void tell(std::uint32_t kind, std::uint64_t connection, std::uint64_t id = 0, std::string_view body = {},
              std::uint64_t sequence = 0, std::uint32_t integrity = 0, std::uint64_t tag = 0);
    void tell_message(std::uint64_t connection, std::uint64_t sequence, std::string_view body);
    /// Events that the chat told since the last call.
    std::vector<json::object> events();
    /// The only one of this type; fails the test if there is none or another number.
    json::object event(std::string_view type);
    /// Lets everything that is under way come to an end.
    void settle();

    /// A user "ann" and a ready contact "bob" on connection 1, who joined her link.
    void make_contact();

    fake_agent& agent() { return *agent_; }

  private:
    std::unique_ptr<fake_agent> agent_;
    std::vector<json::object> events_;
    kernel::simulation time_{1};
    std::unique_ptr<kernel::kernel> kernel_;
    const plexus_chat* chat_ = nullptr;
    plexus_chat_receiver* receiver_ = nullptr;
    std::uint64_t sequence_ = 100;
    std::string failure_;
};

/// A link that parses.
extern const char* const invitation_link;
extern const char* const short_invitation_link;

std::string text_at(const json::value& from, std::string_view pointer);

} // namespace plexus::test
