#include "serve/api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>
#include <vector>

#include "base/memory_info.h"

namespace levin::serve::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;
using Samples = std::vector<std::pair<Labels, int64_t>>;

/// From a tenth of a millisecond, which small models need, to minutes, in steps of about 2.
const prometheus::Histogram::BucketBoundaries kSeconds{
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25,   0.5,     1,      2.5,   5,      10,    25,   50,    100,  250};

MetricFamily family(const char* name, const char* help, MetricType type, const Samples& samples) {
  MetricFamily made;
  made.name = name;
  made.help = help;
  made.type = type;
  for (const auto& [labels, value] : samples) {
    ClientMetric metric;
    metric.label = labels;
    metric.counter.value = static_cast<double>(value);
    metric.gauge.value = static_cast<double>(value);
    made.metric.push_back(std::move(metric));
  }
  return made;
}

void add_engine_families(const EngineHostStats& stats, std::vector<MetricFamily>& families) {
  const runtime::EngineStats& engine = stats.engine;
  const auto add = [&](const char* name, const char* help, MetricType type,
                       const Samples& samples) {
    families.push_back(family(name, help, type, samples));
  };
  add("levin_requests", "Requests in the engine by state.", MetricType::Gauge,
      {{{{"state", "waiting"}}, stats.waiting},
       {{{"state", "running"}}, stats.running - stats.paused},
       {{{"state", "paused"}}, stats.paused}});
  add("levin_engine_steps_total", "Forward passes.", MetricType::Counter, {{{}, engine.steps}});
  add("levin_engine_tokens_total", "Tokens of the engine by kind.", MetricType::Counter,
      {{{{"kind", "prompt_computed"}}, engine.prompt_tokens - engine.cached_prompt_tokens},
       {{{"kind", "prompt_cached_memory"}},
        engine.cached_prompt_tokens - engine.restored_prompt_tokens},
       {{{"kind", "prompt_cached_disk"}}, engine.restored_prompt_tokens},
       {{{"kind", "recomputed"}}, engine.recomputed_tokens},
       {{{"kind", "generated"}}, engine.generated_tokens}});
  add("levin_preemptions_total", "Requests that lost their pages to older ones, for a time.",
      MetricType::Counter, {{{}, engine.preemptions}});
  add("levin_attention_rows_read_total", "Cache rows that attention has read.", MetricType::Counter,
      {{{}, engine.rows.latent_rows_read}});
  add("levin_attention_rows_visible_total", "Cache rows that dense attention would have read.",
      MetricType::Counter, {{{}, engine.rows.visible_rows}});
  add("levin_index_keys_scored_total", "Pairs of query and key that the indexer has scored.",
      MetricType::Counter, {{{}, engine.rows.index_keys_scored}});
  add("levin_index_keys_selected_total", "Those of the scored pairs that attention may read.",
      MetricType::Counter, {{{}, engine.rows.index_keys_selected}});
}

/// Where the time of forward passes went: by what they computed, and by the part of the model.
MetricFamily time_family(const runtime::EngineStats& engine) {
  MetricFamily made = family("levin_forward_seconds_total",
                             "Time of forward passes by phase and part.", MetricType::Counter, {});
  const auto add = [&made](const char* phase, const char* part, double seconds) {
    ClientMetric metric;
    metric.label = {{"phase", phase}, {"part", part}};
    metric.counter.value = seconds;
    made.metric.push_back(std::move(metric));
  };
  for (const auto& [name, phase] : {std::pair("prefill", runtime::StepPhase::kPrefill),
                                    std::pair("decode", runtime::StepPhase::kDecode),
                                    std::pair("mixed", runtime::StepPhase::kMixed)}) {
    const model::StepTime& time = engine.time_of(phase);
    add(name, "indexer", time.indexer_s);
    add(name, "attention", time.attention_s);
    add(name, "other", time.total_s - time.indexer_s - time.attention_s);
  }
  return made;
}

void add_cache_families(const EngineHostStats& stats, std::vector<MetricFamily>& families) {
  const runtime::CacheStats& cache = stats.cache;
  const auto add = [&](const char* name, const char* help, MetricType type,
                       const Samples& samples) {
    families.push_back(family(name, help, type, samples));
  };
  add("levin_cache_pages", "Pages of the cache (64 tokens each) by state.", MetricType::Gauge,
      {{{{"state", "held"}}, cache.held_pages},
       {{{"state", "idle"}}, stats.idle_pages},
       {{{"state", "free"}}, cache.capacity_pages - cache.held_pages - stats.idle_pages}});
  add("levin_cache_reserved_pages",
      "Pages, idle or free ones, promised to prompts that are being read.", MetricType::Gauge,
      {{{}, cache.reserved_pages}});
  add("levin_cache_page_bytes", "Size of a page of the cache.", MetricType::Gauge,
      {{{}, cache.page_bytes}});
  add("levin_cache_evicted_pages_total", "Shared pages that memory has lost to others.",
      MetricType::Counter, {{{}, cache.evicted_pages}});
  const runtime::DiskCacheStats& disk = cache.disk;
  add("levin_disk_cache_pages", "Pages of the prefix cache on disk.", MetricType::Gauge,
      {{{}, disk.pages}});
  add("levin_disk_cache_bytes", "Size of the prefix cache on disk.", MetricType::Gauge,
      {{{}, disk.bytes}});
  add("levin_disk_cache_page_events_total", "What happened to pages on disk.", MetricType::Counter,
      {{{{"event", "read"}}, disk.read_pages},
       {{{"event", "written"}}, disk.written_pages},
       {{{"event", "dropped"}}, disk.dropped_pages},
       {{{"event", "damaged"}}, disk.damaged_pages},
       {{{"event", "evicted"}}, disk.evicted_pages}});
}

void add_memory_family(std::vector<MetricFamily>& families) {
  const base::ProcessMemory memory = base::process_memory();
  families.push_back(family("levin_memory_bytes", "Resident memory of the process by kind.",
                            MetricType::Gauge,
                            {{{{"kind", "anonymous"}}, memory.anonymous_bytes},
                             {{{"kind", "mapped_files"}}, memory.file_bytes}}));
}

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("levin_http_requests_total")
          .Help("Requests of the API by endpoint and status.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& answers =
      prometheus::BuildCounter()
          .Name("levin_answers_total")
          .Help("Requests that the model has worked on by how they ended.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& tokens =
      prometheus::BuildCounter()
          .Name("levin_usage_tokens_total")
          .Help("Tokens of ended requests as their usage tells them, each under one kind.")
          .Register(registry);
  prometheus::Histogram& first_token =
      prometheus::BuildHistogram()
          .Name("levin_time_to_first_token_seconds")
          .Help("From the arrival of a request to its first token.")
          .Register(registry)
          .Add({}, kSeconds);
  prometheus::Histogram& token_gap = prometheus::BuildHistogram()
                                         .Name("levin_inter_token_seconds")
                                         .Help("Between two tokens of one answer.")
                                         .Register(registry)
                                         .Add({}, kSeconds);
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::count_request(const std::string& endpoint, int status) {
  state_->requests.Add({{"endpoint", endpoint}, {"status", std::to_string(status)}}).Increment();
}

void Metrics::count_answer(const std::string& outcome) {
  state_->answers.Add({{"outcome", outcome}}).Increment();
}

void Metrics::observe_first_token(double seconds) { state_->first_token.Observe(seconds); }

void Metrics::observe_token_gap(double seconds) { state_->token_gap.Observe(seconds); }

void Metrics::count_tokens(const Spending& spending) {
  const auto add = [&](const char* kind, int64_t tokens) {
    state_->tokens.Add({{"kind", kind}}).Increment(static_cast<double>(tokens));
  };
  add("prompt_cache_hit", spending.cached_tokens);
  add("prompt_cache_miss", spending.prompt_tokens - spending.cached_tokens);
  add("reasoning", spending.reasoning_tokens);
  add("completion", spending.completion_tokens - spending.reasoning_tokens);
}

std::string Metrics::to_text(const MomentStats& moment) const {
  std::vector<MetricFamily> families = state_->registry.Collect();
  if (moment.connections.has_value()) {
    families.push_back(family("levin_http_connections", "Open connections.", MetricType::Gauge,
                              {{{}, static_cast<int64_t>(moment.connections->open)}}));
    families.push_back(family("levin_http_connections_refused_total",
                              "Connections that found no room.", MetricType::Counter,
                              {{{}, static_cast<int64_t>(moment.connections->refused)}}));
  }
  add_engine_families(moment.engine, families);
  families.push_back(time_family(moment.engine.engine));
  add_cache_families(moment.engine, families);
  add_memory_family(families);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace levin::serve::api
