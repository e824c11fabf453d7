// Pages that only the start needed. Used by kernel::run once everything is up.
#pragma once

namespace plexus::kernel {

/// Unmaps the code and constants of program and libraries that were read in so far. They come back from the
/// page cache, 64 KiB at a time, as they are needed; what only the start touched (relocation, parsing of the
/// configuration, set-up of OpenSSL) stays away and is no longer counted as resident. Memory that was written
/// to is not touched. Does nothing under a debugger, whose breakpoints stand in these pages.
void release_start_pages();

} // namespace plexus::kernel
