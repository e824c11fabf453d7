// The committed state of a memory store, and the registry that keeps named ones for the process's life, so
// that an instance that is started again finds what was committed before.
#pragma once

#include "plexus/abi/draft/sim.h"
#include "plexus/store_provider.hpp"

#include <deque>
#include <map>
#include <memory>
#include <shared_mutex>

namespace plexus::store_memory {

struct key_order {
    using is_transparent = void;
    bool operator()(bytes_view a, bytes_view b) const noexcept { return store_provider::compare(a, b) < 0; }
};
using rows = std::map<bytes, bytes, key_order>;

/// What a plexus_table handle points to.
struct table {
    std::string name;
    rows content;
};

class image {
  public:
    image() = default;
    image(const image&) = delete;
    image& operator=(const image&) = delete;

    /// Bytes of keys and values at the most; 0: no limit. Before use.
    void set_capacity(std::uint64_t capacity) noexcept { capacity_ = capacity; }
    /// The simulated machine that it is on, if there is one: after its crash nothing is applied. Before use.
    void set_machine(const plexus_sim* machine) noexcept { machine_ = machine; }

    // The engine of a store service.
    result<plexus_table*> open_table(std::string_view name);
    bool owns(const plexus_table* which) const noexcept;
    std::int32_t try_get(const plexus_table* from, plexus_view key, void (*found)(void*, plexus_view),
                         void* context) const noexcept;
    std::int32_t try_scan(const plexus_scan& range, std::uint32_t (*row)(void*, plexus_view, plexus_view),
                          void* context) const noexcept;
    store_provider::outcome apply(std::span<store_provider::batch* const> group);

  private:
    class reading;
    bool fits(const store_provider::batch& one) const;
    void write(const plexus_write& one);

    const plexus_sim* machine_ = nullptr;
    std::uint64_t capacity_ = 0;
    std::uint64_t used_ = 0;
    mutable std::shared_mutex mutex_;
    std::array<table, PLEXUS_STORE_TABLES_MOST> tables_;
    std::atomic<std::size_t> table_count_{0};
};

/// An image held by one instance until this is destroyed; an unnamed one goes with it.
class held_image {
  public:
    /// BUSY if an instance of this process holds it. `fresh` forgets what the image has.
    static result<held_image> hold(const std::string& name, bool fresh);
    held_image() = default;
    held_image(held_image&& other) noexcept = default;
    held_image& operator=(held_image&& other) noexcept = default;
    ~held_image() = default;

    image& operator*() const noexcept { return *image_; }
    image* operator->() const noexcept { return image_.get(); }

  private:
    std::shared_ptr<image> image_;
};

} // namespace plexus::store_memory
