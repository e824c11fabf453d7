// The chat's service in C++ terms.
#pragma once

#include "plexus/abi.hpp"
#include "plexus/abi/draft/chat.h"

#include <boost/json/object.hpp>

#include <functional>
#include <memory>

namespace plexus::ui_terminal {

/// All [shard 0].
class chat_ref {
  public:
    chat_ref() = default;
    explicit chat_ref(const plexus_chat* table) : table_(table) {}

    using answered = std::function<void(result<boost::json::object>)>;
    /// `done` comes later, once. Whoever may go before it passes a weak pointer in.
    void command(std::string_view text, answered done) const;

    class subscription {
      public:
        subscription(chat_ref chat, std::function<void(const boost::json::object&)> event);
        subscription(const subscription&) = delete;
        subscription& operator=(const subscription&) = delete;
        ~subscription();

      private:
        const plexus_chat* table_;
        std::function<void(const boost::json::object&)> event_;
        plexus_chat_receiver* receiver_ = nullptr;
    };

  private:
    const plexus_chat* table_ = nullptr;
};

} // namespace plexus::ui_terminal
