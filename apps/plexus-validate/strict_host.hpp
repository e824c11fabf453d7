// A host that knows no service and counts what it is asked. Used by the checks of create and destroy.
#pragma once

#include "plexus/abi/host.h"
#include "plexus/abi/plugin.h"

#include <string>
#include <vector>

namespace plexus::validate {

class strict_host {
  public:
    strict_host() {
        table_.size = sizeof table_;
        table_.abi_major = PLEXUS_ABI_MAJOR;
        table_.abi_minor = PLEXUS_ABI_MINOR;
        table_.self = this;
        table_.name = "plexus-validate";
        table_.instance = "subject";
        table_.get_service = [](const plexus_host* host, const char* id) -> const plexus_service* {
            static_cast<strict_host*>(host->self)->asked_.emplace_back(id == nullptr ? "(null)" : id);
            return nullptr;
        };
    }
    strict_host(const strict_host&) = delete;
    strict_host& operator=(const strict_host&) = delete;

    const plexus_host* table() const noexcept { return &table_; }
    /// The services that were asked for, in order.
    const std::vector<std::string>& asked() const noexcept { return asked_; }

  private:
    plexus_host table_{};
    std::vector<std::string> asked_;
};

} // namespace plexus::validate
