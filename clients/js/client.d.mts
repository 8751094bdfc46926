// Made by tools/make_clients.py from /openapi.json; not edited by hand.
import { Http } from "./http.mjs";
export { AkinError } from "./http.mjs";

export interface Collections {
  data: Array<Collection>;
  next_cursor: string | null;
}
export interface Collection {
  name: string;
  settings: { [name: string]: unknown };
  model: string;
  model_digest: string;
  dims: number;
  /** the active one */
  embedding_version: number;
  documents: number;
  /** of the documents as they are stored: their title, text, url, lang, tags and attributes as compact JSON. What a quota counts. 0 for a key ... */
  bytes: number;
  passages: number;
  /** documents not embedded yet */
  pending: number;
  /** of the vectors of the active version */
  index: IndexState;
  created: string;
  updated: string;
  revision: number;
}
export interface IndexState {
  /** with a vector */
  passages: number;
  /** in the graph */
  linked: number;
  /** not yet in the graph: they are scanned */
  tail: number;
  /** in the graph, and their links will be chosen anew */
  unrefined: number;
  /** of the vectors in memory */
  bytes: number;
  /** share of the true answers that the last searches had, as measured on a sample */
  recall: number;
  /** measured since the start; recall is 1 before */
  recall_samples: number;
  /** index.recall_target */
  recall_target: number;
  /** of a walk for 10 */
  width: number;
  /** of a walk for 10 under a filter */
  width_filtered: number;
}
export interface CollectionNew {
  /** a-z, 0-9, _ and -, first a letter or digit, at most 64 */
  name: string;
  settings?: CollectionSettings;
  /** a model in DATA/models; without one, the server's */
  model?: string;
  /** of the products; auto: the fastest faithful one of this CPU, resolved once */
  precision?: "auto" | "fp32" | "bf16" | "int8";
  /** fewer than the model has: the first so many */
  dimensions?: number;
}
export interface CollectionSettings {
  /** tokens of a passage */
  passage_tokens?: number;
  /** tokens that neighbouring passages share */
  overlap_tokens?: number;
  /** what unknown top-level fields of documents become */
  extra_fields?: "attributes" | "error";
  mapping?: FieldMapping;
  /** words, or several in a row, that stand for one another in queries */
  synonyms?: Array<{ [name: string]: unknown }> | null;
  /** words of queries that do not count unless there is nothing else; those of the language need not be named */
  stop_words?: Array<string> | null;
  /** what acts of readers weigh */
  feedback?: { [name: string]: unknown };
  /** how much it may hold. A document that would make it grow over that is refused (quota_exceeded), each alone unless atomic; what shrinks is ... */
  quota?: { [name: string]: unknown } | null;
  /** when recommenders are trained by themselves */
  training?: { [name: string]: unknown };
  /** how it recommends unless a request says */
  recommend?: { [name: string]: unknown };
  /** the attribute that says whose a document is; every document has it then, and keeps it. Who asks for one tenant (by the filter of the key, ... */
  tenant_field?: string | null;
  /** retired embedding versions that are kept, and kept up to date, for a rollback */
  versions_kept?: number;
}
export interface FieldMapping {
  id?: string | null;
  title?: string | null;
  text?: string | null;
  url?: string | null;
  lang?: string | null;
  tags?: string | null;
  expires?: string | null;
}
export interface Aliases {
  data: Array<Alias>;
  next_cursor: string | null;
}
export interface Alias {
  name: string;
  /** what it stands for */
  collection: string;
  created: string;
  updated: string;
  /** the change that made or moved it */
  revision: number;
}
export interface AliasesSwap {
  /** each name once */
  aliases: Array<AliasSwap>;
}
export interface AliasSwap {
  /** a-z, 0-9, _ and -, first a letter or digit, at most 64 */
  name: string;
  /** what it stands for from now on; null: the alias goes */
  collection: string | null;
}
export interface AliasPut {
  /** by its own name, not by another alias */
  collection: string;
}
export interface EmbeddingVersions {
  data: Array<EmbeddingVersion>;
  next_cursor: string | null;
}
export interface EmbeddingVersion {
  id: number;
  state: "building" | "ready" | "active" | "retired";
  model: string;
  model_digest: string;
  precision: string;
  dims: number;
  passages: number;
  /** documents that are not embedded for it yet */
  missing: number;
  /** of its vectors in memory */
  bytes: number;
  progress?: Progress;
  comparison?: Comparison;
  created: string;
  updated: string;
  revision: number;
}
export interface Progress {
  done: number;
  total: number;
  /** cannot be embedded with this model */
  failed: number;
  /** documents a second */
  rate: number;
  eta_seconds: number | null;
  /** why it pauses */
  error?: string;
}
export interface Comparison {
  /** the version that was active then */
  against: number;
  at: string;
  queries: number;
  /** mean share of the ten nearest that are the same */
  overlap_at_10: number;
  /** rank-biased overlap, extrapolated (Webber et al. 2010) */
  rbo: number;
  rbo_p: number;
  judged_queries: number;
  active: ComparedVersion;
  candidate: ComparedVersion;
}
export interface ComparedVersion {
  version: number;
  /** embedding and exact search */
  latency_ms_p50?: number;
  /** of the vectors in memory */
  bytes: number;
  model_bytes: number;
  ndcg_at_10?: number;
}
export interface EmbeddingVersionNew {
  /** a model in DATA/models; without one, the server's */
  model?: string;
  /** of the products; auto: the fastest faithful one of this CPU, resolved once */
  precision?: "auto" | "fp32" | "bf16" | "int8";
  /** fewer than the model has: the first so many */
  dimensions?: number;
}
export interface CompareRequest {
  queries?: Array<string>;
  judgments?: Array<{ [name: string]: unknown }>;
}
export type Id = string | number;
export interface Recommenders {
  data: Array<Recommender>;
  next_cursor: string | null;
}
export interface Recommender {
  id: number;
  state: "candidate" | "active" | "retired";
  kind: string;
  /** of a classifier: what it tells */
  label?: string;
  /** the active one, or one in place of an active one whose file cannot be used */
  serving: boolean;
  /** SHA-256 of its file */
  digest: string;
  /** of its file */
  bytes: number;
  /** 0: it is not in memory */
  memory_bytes: number;
  /** whose vectors it learned from; while another one is active it recommends by what was read together alone */
  embedding_version: number;
  /** of the data that it learned from */
  position: string;
  /** of feedback that it learned from */
  acts: number;
  /** parameters, data, metrics on held-out readers with intervals, paired tests against the baselines and the recommender that was active, and ... */
  report: { [name: string]: unknown } | null;
  /** why its file cannot be used */
  error?: string;
  created: string;
  updated: string;
  revision: number;
}
export interface Train {
  /** only this one is tried; default: those that suit the size. adapter: no recommender, but an embedding version, learned from what readers ... */
  kind?: "ease" | "neighbours" | "walks" | "ials" | "adapter" | "classifier" | null;
  /** of a classifier: what it learns to tell, tags or an attribute of text, of true and false, or of lists of texts (then several may hold) */
  label?: string;
  /** of a classifier: what is less probable it does not tell in documents */
  min_probability?: number;
  /** the same data and seed: the same model */
  seed?: number;
  /** share of readers (of a classifier: of documents) to judge by */
  held_out?: number;
  /** false: it stays a candidate, whatever the gate says */
  promote?: boolean;
}
export interface Task {
  id: number;
  /** train, embed */
  type: string;
  status: "queued" | "running" | "done" | "failed" | "cancelled";
  collection: string | null;
  progress: { [name: string]: unknown };
  /** what was asked for and what came of it; of a training: recommender, promoted, why, seconds, error {code, detail} */
  details: { [name: string]: unknown };
  created: string;
  updated: string;
}
export interface Tasks {
  data: Array<Task>;
  next_cursor: string | null;
}
export interface Documents {
  data: Array<StoredDocument>;
  next_cursor: string | null;
}
export interface StoredDocument {
  id: string;
  title?: string;
  text?: string;
  url?: string;
  lang?: string;
  /** ISO 639-1 code of the language that akin found the title and text to be in, when the document was written without lang; not given where ... */
  detected_lang?: string;
  tags?: Array<string>;
  attributes?: { [name: string]: unknown };
  created: string;
  updated: string;
  expires?: string;
  revision: number;
  /** true: found by its words only, so far */
  pending?: boolean;
  /** id of the older document of which this one is a near-copy: words misspelt, added, left out or moved, up to one in ten replaced (none in ... */
  duplicate_of?: string;
  /** labels that the document does not have, as the active classifiers tell them when it is read: {"topic": {"label", "probability"}}, of lists ... */
  predicted?: { [name: string]: unknown };
}
export interface Document {
  /** made if missing */
  id?: string | number | null;
  title?: string | null;
  text?: string | null;
  url?: string | null;
  /** language tag (BCP 47) such as en or pt-BR; without one the language is detected (detected_lang in answers) each time the document is ... */
  lang?: string | null;
  tags?: Array<string> | null;
  /** filterable */
  attributes?: { [name: string]: unknown } | null;
  expires?: string | null;
  /** the document's one vector, instead of those made from its passages: as many finite numbers as the collection's dims, not all 0; of any ... */
  vector?: Array<number> | null;
  [name: string]: any;
}
export interface Rows {
  data: Array<Row>;
  failed: number;
  /** a place in the order of all changes */
  position: string;
  deleted?: number;
  remaining?: number;
}
export interface Row {
  id?: string;
  status: "created" | "updated" | "unchanged" | "deleted" | "not_found" | "failed";
  revision?: number;
  /** true: stored and found by its words; vectors come later */
  pending?: boolean;
  error?: RowError;
  /** of an NDJSON import, for a row that failed */
  line?: number;
  /** of feedback */
  event_id?: string;
  /** of feedback: it is kept, but not counted for the recommendation that it names */
  warning?: string;
  /** of a single document's answer */
  position?: string;
}
export type RowError = { [name: string]: unknown } | null;
export interface Fault {
  /** JSON pointer into the body */
  pointer?: string;
  /** name of the parameter or header */
  parameter?: string;
  detail: string;
}
export interface Delete {
  ids?: Array<Id>;
  /** which documents may be in the answer: lang = "en" AND (year >= 2020 OR tags IN ["a","b"]) AND NOT hidden = true. Tests are = != < <= > >=, ... */
  filter?: string;
}
export interface DocumentsGet {
  ids: Array<Id>;
  /** what of each document comes back beside its id: title, attributes.year, revision; without it everything, [] for nothing. What a document ... */
  fields?: Array<string>;
}
export interface FetchedDocuments {
  data: Array<FetchedDocument>;
  /** rows that were not found */
  missing: number;
}
export interface FetchedDocument {
  id: string;
  /** false: there is none of this id, or none that the key may see */
  found: boolean;
  revision?: number;
  /** for If-Match */
  etag?: string;
  document?: DocumentParts;
}
export interface DocumentParts {
  id: string;
  title?: string;
  text?: string;
  url?: string;
  lang?: string;
  tags?: Array<string>;
  attributes?: { [name: string]: unknown };
  created?: string;
  updated?: string;
  expires?: string;
  revision?: number;
  pending?: boolean;
  duplicate_of?: string;
  detected_lang?: string;
  predicted?: { [name: string]: unknown };
}
export type MergePatch = { [name: string]: unknown };
export interface Weights {
  lexical: number;
  semantic: number;
}
export interface Boost {
  /** with half_life dates (created, updated or an attribute), with pivot numbers; of several values the greatest counts */
  field: string;
  /** boost = 2^(-age / half_life) */
  half_life?: number | string;
  /** from which ages count; without one, now */
  origin?: string;
  /** boost = x / (x + pivot) */
  pivot?: number;
  /** of all boosts together at most 1 */
  weight?: number;
}
export interface Facet {
  field: string;
  /** values, most frequent first */
  limit?: number;
  /** instead of values: how many documents have one with from <= value < to; a document that has several is counted once in each range */
  ranges?: Array<{ [name: string]: unknown }>;
  /** min, max and avg of the numbers and dates that match (avg of dates in seconds since 1970), under facet_stats */
  stats?: boolean;
}
export interface SortKey {
  /** as in filters, or _score */
  field: string;
  /** with lon: by the distance of the field's points */
  lat?: number;
  lon?: number;
  /** of _score desc */
  order?: "asc" | "desc";
  /** where documents without a value stand, in either order */
  missing?: "last" | "first";
}
export interface GroupBy {
  /** as in filters */
  field: string;
  /** hits of each group; times the number of groups at most 1,000 */
  limit?: number;
}
export interface HighlightOptions {
  pre?: string;
  post?: string;
}
export interface SearchAnswer {
  data: Array<Hit>;
  total: { [name: string]: unknown };
  /** goes on behind the last document shown, wherever that stands by then: while nothing changes no document comes twice and none is left out, ... */
  next_cursor: string | null;
  took_ms: number;
  /** that the answer is from */
  embedding_version: number;
  search_id: string;
  /** by field, if asked for */
  facets?: { [name: string]: Array<FacetCount> };
  /** by field, if asked for */
  facet_stats?: { [name: string]: FacetStats };
  /** how the hits were found, if asked for */
  explain?: { [name: string]: unknown };
  /** similar: what it went by */
  by?: "text" | "readers" | "both";
  /** with user: whether anything is known of them */
  personalised?: boolean;
  /** why hybrid search had words alone to go by: a remote model is away */
  degraded?: string;
}
export interface Hit {
  id: string;
  score: number;
  /** from the point that sort, else the filter, asks for first */
  distance_m?: number;
  scores: { [name: string]: unknown };
  /** the best one; null: the document has no text */
  passage: Passage;
  /** the query's words in the document's title, in bytes */
  title_highlights: Array<{ [name: string]: unknown }>;
  /** if snippet_length is given: out of the passage */
  snippet?: Passage;
  /** if highlight is given */
  highlighted?: { [name: string]: unknown };
  document: DocumentParts;
  /** linear: relevance = weights.lexical * bm25 / bound + weights.semantic * max(0, (cosine - mean_cosine) / (1 - mean_cosine)); a part that is ... */
  explain?: { [name: string]: unknown };
  /** if group_by is given: what the hit is the best of */
  group?: { [name: string]: unknown };
}
export type Passage = { [name: string]: unknown } | null;
export interface GroupHit {
  id: string;
  score: number;
  /** from the point that sort, else the filter, asks for first */
  distance_m?: number;
  scores: { [name: string]: unknown };
  /** the best one; null: the document has no text */
  passage: Passage;
  /** the query's words in the document's title, in bytes */
  title_highlights: Array<{ [name: string]: unknown }>;
  /** if snippet_length is given: out of the passage */
  snippet?: Passage;
  /** if highlight is given */
  highlighted?: { [name: string]: unknown };
  document: DocumentParts;
  /** linear: relevance = weights.lexical * bm25 / bound + weights.semantic * max(0, (cosine - mean_cosine) / (1 - mean_cosine)); a part that is ... */
  explain?: { [name: string]: unknown };
}
export interface FacetCount {
  count: number;
  value?: unknown;
  name?: string;
  from?: unknown;
  to?: unknown;
}
export interface FacetStats {
  /** numbers and dates */
  count: number;
  /** null if there are none */
  min: unknown;
  max: unknown;
  avg: number | null;
}
export interface SearchRequest {
  /** what is looked for; "a phrase" must be there as it stands, -word and -"a phrase" must not (not in mode semantic). Empty or *: all documents ... */
  q?: string;
  /** by words and meaning, by meaning alone, by words alone */
  mode?: "hybrid" | "semantic" | "lexical";
  /** all: only documents that hold every word, stop words aside (not in mode semantic) */
  match?: "any" | "all";
  /** search as you type: the last word stands for all that begin with it */
  prefix?: boolean;
  /** a word that no document has stands for those that are one edit away (from 4 letters on), or two (from 8); not words with digits */
  typos?: boolean;
  filter?: string;
  limit?: number;
  offset?: number;
  /** next_cursor of the answer before, unchanged, with the same request but limit. 422: of another request or not ours; 410: too old */
  cursor?: string | null;
  /** cuts before totals and facets; not with fusion rrf or minmax */
  min_score?: number;
  /** hybrid; linear: scores depend on the query and the document alone, and compare; rrf (ranks, k = 60) and minmax (each list from 0 to 1) ... */
  fusion?: "linear" | "rrf" | "minmax";
  /** hybrid; linear and minmax: shares, .6 and .4; rrf: 1 and 1 */
  weights?: Weights;
  /** ranks what is like this reader's profile higher: one more boost, max(0, (cos - mean) / (1 - mean)) to the profile that recommend uses too. ... */
  user?: Id;
  /** of that boost; with the others at most 1 */
  user_weight?: number;
  /** what is new, or has more of something, ranks higher */
  boosts?: Array<Boost>;
  /** fields whose values are counted among all that matches: names ("tags,year", or an array), or objects with a limit or ranges. Counted is ... */
  facets?: string | Array<string | Facet>;
  /** the order of all that match, not only of the best: up to 8 fields, "year:desc,site" or an array of such and of objects. Numbers and dates ... */
  sort?: string | Array<string | SortKey>;
  /** at most so many hits of each value of a field (of an array its first). limit, offset and the cursor count groups then: data has the best ... */
  group_by?: string | GroupBy;
  /** hide: without those that are near-copies of an older document (duplicate_of), even if that one is not in the answer */
  duplicates?: "show" | "hide";
  /** compare all vectors: slower, and nothing is missed */
  exact?: boolean;
  /** what of each document comes back beside its id: title, attributes.year, revision; without it everything, [] for nothing. What a document ... */
  fields?: Array<string>;
  /** each hit gets a snippet of at most so many code points out of its passage, where the query's words stand densest, from the beginning of a ... */
  snippet_length?: number;
  /** each hit gets `highlighted`: title and snippet (of 200 code points if no length is given) as HTML, & < > " and ' of the text escaped, pre ... */
  highlight?: HighlightOptions;
  explain?: boolean;
}
export interface MultiSearch {
  /** each as a search of its own, of any collection; their limits together at most 1,000 */
  searches: Array<CollectionSearch>;
}
export interface CollectionSearch {
  /** a-z, 0-9, _ and -, first a letter or digit, at most 64 */
  collection: string;
  /** what is looked for; "a phrase" must be there as it stands, -word and -"a phrase" must not (not in mode semantic). Empty or *: all documents ... */
  q?: string;
  /** by words and meaning, by meaning alone, by words alone */
  mode?: "hybrid" | "semantic" | "lexical";
  /** all: only documents that hold every word, stop words aside (not in mode semantic) */
  match?: "any" | "all";
  /** search as you type: the last word stands for all that begin with it */
  prefix?: boolean;
  /** a word that no document has stands for those that are one edit away (from 4 letters on), or two (from 8); not words with digits */
  typos?: boolean;
  filter?: string;
  limit?: number;
  offset?: number;
  /** next_cursor of the answer before, unchanged, with the same request but limit. 422: of another request or not ours; 410: too old */
  cursor?: string | null;
  /** cuts before totals and facets; not with fusion rrf or minmax */
  min_score?: number;
  /** hybrid; linear: scores depend on the query and the document alone, and compare; rrf (ranks, k = 60) and minmax (each list from 0 to 1) ... */
  fusion?: "linear" | "rrf" | "minmax";
  /** hybrid; linear and minmax: shares, .6 and .4; rrf: 1 and 1 */
  weights?: Weights;
  /** ranks what is like this reader's profile higher: one more boost, max(0, (cos - mean) / (1 - mean)) to the profile that recommend uses too. ... */
  user?: Id;
  /** of that boost; with the others at most 1 */
  user_weight?: number;
  /** what is new, or has more of something, ranks higher */
  boosts?: Array<Boost>;
  /** fields whose values are counted among all that matches: names ("tags,year", or an array), or objects with a limit or ranges. Counted is ... */
  facets?: string | Array<string | Facet>;
  /** the order of all that match, not only of the best: up to 8 fields, "year:desc,site" or an array of such and of objects. Numbers and dates ... */
  sort?: string | Array<string | SortKey>;
  /** at most so many hits of each value of a field (of an array its first). limit, offset and the cursor count groups then: data has the best ... */
  group_by?: string | GroupBy;
  /** hide: without those that are near-copies of an older document (duplicate_of), even if that one is not in the answer */
  duplicates?: "show" | "hide";
  /** compare all vectors: slower, and nothing is missed */
  exact?: boolean;
  /** what of each document comes back beside its id: title, attributes.year, revision; without it everything, [] for nothing. What a document ... */
  fields?: Array<string>;
  /** each hit gets a snippet of at most so many code points out of its passage, where the query's words stand densest, from the beginning of a ... */
  snippet_length?: number;
  /** each hit gets `highlighted`: title and snippet (of 200 code points if no length is given) as HTML, & < > " and ' of the text escaped, pre ... */
  highlight?: HighlightOptions;
  explain?: boolean;
}
export interface MultiSearchAnswer {
  /** in the order of the searches */
  data: Array<SearchAnswer | SearchFailure>;
  failed: number;
  took_ms: number;
}
export interface SearchFailure {
  /** pointers are of the whole request */
  error: RowError;
}
export interface SimilarRequest {
  /** a document stands for itself by the mean of its passages' vectors; documents in the answer are compared by their best passage */
  id?: Id;
  /** the mean of these documents, each with the same weight; they are not in the answer. What is not embedded yet is passed over unless nothing ... */
  ids?: Array<Id>;
  /** of any length: the mean of its passages, as of a document */
  text?: string;
  /** as many finite numbers as the collection's dims, of any length but 0 */
  vector?: Array<number>;
  /** what makes two documents alike: their texts, that the same readers read both (by the recommender that is active), or both together, where ... */
  by?: "text" | "readers" | "both";
  filter?: string;
  limit?: number;
  offset?: number;
  /** next_cursor of the answer before, unchanged, with the same request but limit. 422: of another request or not ours; 410: too old */
  cursor?: string | null;
  /** documents that are not wanted; unknown ids do no harm */
  exclude?: Array<Id>;
  min_score?: number;
  /** ranks what is like this reader's profile higher: one more boost, max(0, (cos - mean) / (1 - mean)) to the profile that recommend uses too. ... */
  user?: Id;
  /** of that boost; with the others at most 1 */
  user_weight?: number;
  boosts?: Array<Boost>;
  /** fields whose values are counted among all that matches: names ("tags,year", or an array), or objects with a limit or ranges. Counted is ... */
  facets?: string | Array<string | Facet>;
  /** the order of all that match, not only of the best: up to 8 fields, "year:desc,site" or an array of such and of objects. Numbers and dates ... */
  sort?: string | Array<string | SortKey>;
  /** at most so many hits of each value of a field (of an array its first). limit, offset and the cursor count groups then: data has the best ... */
  group_by?: string | GroupBy;
  /** hide: without those that are near-copies of an older document (duplicate_of), even if that one is not in the answer */
  duplicates?: "show" | "hide";
  /** compare all vectors: slower, and nothing is missed */
  exact?: boolean;
  /** what of each document comes back beside its id: title, attributes.year, revision; without it everything, [] for nothing. What a document ... */
  fields?: Array<string>;
  /** each hit gets a snippet of at most so many code points out of its passage, where the query's words stand densest, from the beginning of a ... */
  snippet_length?: number;
  explain?: boolean;
  /** 0: nearest first; towards 1: less alike among each other. Each 200 documents in a row are ordered anew */
  diversity?: number;
}
export interface ClassifyRequest {
  /** of a document, whatever labels it has */
  id?: Id;
  /** of any length, as a document's */
  text?: string;
  /** as many finite numbers as the collection's dims, of any length but 0 */
  vector?: Array<number>;
  /** by the classifier of this label; else by all that are active */
  label?: string;
  /** labels of each classifier, the most probable first */
  limit?: number;
}
export interface ClassifyAnswer {
  data: Array<Classified>;
  took_ms: number;
}
export interface Classified {
  /** what is told: tags, attributes.topic */
  label: string;
  /** its number among the recommenders */
  classifier: number;
  /** each label holds or not by itself; else one holds, and probabilities add up to 1 */
  multiple: boolean;
  /** from which documents are given the label */
  min_probability: number;
  labels: Array<ProbableLabel>;
}
export interface ProbableLabel {
  label: string | boolean;
  probability: number;
}
export interface FacetAnswer {
  field: string;
  data: Array<FacetCount>;
  /** documents that match */
  total: { [name: string]: unknown };
  /** if asked for */
  stats?: FacetStats;
  took_ms: number;
}
export interface RecommendRequest {
  /** one that nothing is known of gets what is popular now */
  user?: Id;
  /** documents in the order they were read, the newest last */
  session?: Array<Id>;
  /** documents that were liked */
  positive?: Array<Id>;
  /** the same under another name */
  items?: Array<Id>;
  /** documents that were not */
  negative?: Array<Id>;
  /** what is wanted, in words */
  text?: string;
  filter?: string;
  limit?: number;
  /** documents that are not wanted; unknown ids do no harm */
  exclude?: Array<Id>;
  /** leave out what the reader had to do with: of all types of feedback that count as seen, or of the types of this list */
  exclude_seen?: boolean | Array<string> | string;
  /** leaves out what is less relevant, before boosts; not pins */
  min_relevance?: number;
  /** documents that stand where they are put, unless they are excluded, seen or filtered out. One whose position lies beyond the end comes up to ... */
  pins?: Array<Pin>;
  /** at most `limit` documents of each value of a field in the whole list, all pages together. Pins count, and may alone be more; documents ... */
  caps?: Array<Cap>;
  /** score = (relevance + what the ranker adds) * the factor of each boost that fits (of a sum below 0 divided by it) */
  boosts?: Array<RecommendBoost>;
  /** score * 0.5 ^ (age / half_life_days), by when a document was created */
  freshness?: Freshness;
  /** score * (1 - fatigue) ^ n for a document that this reader was shown n times in the last answers without taking it */
  fatigue?: number;
  /** 0: best first; towards 1: less alike among each other (maximal marginal relevance among the 200 best that are left). At 0.5 ten documents ... */
  diversity?: number;
  /** each slot that is not pinned is with this probability drawn from the 50 best that may stand there; the answer and the log have the ... */
  explore?: number;
  /** how the sources' scores make the relevance, in place of the collection's way: model, profile, session, popular, trending, brought.NAME, ... */
  blend?: string;
  /** false: the order is the relevance's, even if the recommender has a ranker */
  ranker?: boolean;
  /** where it is shown; click-through and the like are told by it. a-z, 0-9, _ and - */
  scenario?: string;
  /** what of each document comes back beside its id: title, attributes.year; without it everything, [] for nothing */
  fields?: Array<string>;
  explain?: boolean;
  offset?: number;
  /** next_cursor of the answer before, unchanged, with the same request but limit. 422: of another request or not ours; 410: too old */
  cursor?: string | null;
}
export interface Pin {
  id: Id;
  /** from 0, in the whole list */
  position: number;
}
export interface Cap {
  /** as in filters */
  field: string;
  limit: number;
}
export interface RecommendBoost {
  /** which documents may be in the answer: lang = "en" AND (year >= 2020 OR tags IN ["a","b"]) AND NOT hidden = true. Tests are = != < <= > >=, ... */
  filter: string;
  /** above 1 lifts, below 1 buries */
  factor: number;
}
export interface Freshness {
  half_life_days: number;
}
export interface RecommendAnswer {
  data: Array<Recommendation>;
  /** for feedback on these documents */
  recommendation_id: string;
  model: string;
  embedding_version: number;
  /** trained; 0: none */
  recommender: number;
  /** that the reader is in */
  experiment?: string;
  variant?: string;
  /** goes on with what was not shown yet, whatever the reader does in between; to 1,000 documents. 410: a restore lies in between */
  next_cursor: string | null;
  /** if there is nothing: the rule that took the last of it: filter, exclude, seen, min_relevance, caps, pages (all was shown), offset, ... */
  emptied_by?: string;
  took_ms: number;
}
export interface Recommendation {
  id: string;
  score: number;
  /** of the greatest part of the score: model, text, profile, session, trending, popular, newest, brought; or why it stands there: pin, explore */
  source: string;
  /** in the whole list, from 0, as feedback has it */
  position: number;
  /** with explore: the probability that it stands here, given what stands before */
  propensity?: number;
  /** with explain: the score before the rules */
  relevance?: number;
  /** with explain: score = (relevance + ranker) * boost * freshness * fatigue */
  adjustments?: Adjustments;
  /** with explain: the documents that gave most of the relevance, the largest part first; of a reader's newest 1000 acts */
  explanation: Array<{ [name: string]: unknown }>;
  /** with explain: the relevance less the parts: what other documents gave, what no document did, and what the named ones have in common (below ... */
  others?: number;
  document: DocumentParts;
}
export interface Adjustments {
  /** what is added to the relevance so that the order is the trained ranker's; 0 without one */
  ranker: number;
  /** the product of all that fit */
  boost: number;
  freshness: number;
  fatigue: number;
  /** the mean cosine with what stands before it, which diversity holds against it; 0 without diversity */
  alike: number;
}
export interface RecommendBatch {
  /** each once */
  users: Array<Id>;
  filter?: string;
  limit?: number;
  /** documents that are not wanted; unknown ids do no harm */
  exclude?: Array<Id>;
  /** leave out what the reader had to do with: of all types of feedback that count as seen, or of the types of this list */
  exclude_seen?: boolean | Array<string> | string;
  /** leaves out what is less relevant, before boosts; not pins */
  min_relevance?: number;
  /** documents that stand where they are put, unless they are excluded, seen or filtered out. One whose position lies beyond the end comes up to ... */
  pins?: Array<Pin>;
  /** at most `limit` documents of each value of a field in the whole list, all pages together. Pins count, and may alone be more; documents ... */
  caps?: Array<Cap>;
  /** score = (relevance + what the ranker adds) * the factor of each boost that fits (of a sum below 0 divided by it) */
  boosts?: Array<RecommendBoost>;
  /** score * 0.5 ^ (age / half_life_days), by when a document was created */
  freshness?: Freshness;
  /** score * (1 - fatigue) ^ n for a document that this reader was shown n times in the last answers without taking it */
  fatigue?: number;
  /** 0: best first; towards 1: less alike among each other (maximal marginal relevance among the 200 best that are left). At 0.5 ten documents ... */
  diversity?: number;
  /** each slot that is not pinned is with this probability drawn from the 50 best that may stand there; the answer and the log have the ... */
  explore?: number;
  /** how the sources' scores make the relevance, in place of the collection's way: model, profile, session, popular, trending, brought.NAME, ... */
  blend?: string;
  /** false: the order is the relevance's, even if the recommender has a ranker */
  ranker?: boolean;
  /** where it is shown; click-through and the like are told by it. a-z, 0-9, _ and - */
  scenario?: string;
  /** what of each document comes back beside its id: title, attributes.year; without it everything, [] for nothing */
  fields?: Array<string>;
  explain?: boolean;
}
export interface RecommendBatchAnswer {
  /** in the order of the users */
  data: Array<UserRecommendations | UserFailure>;
  failed: number;
  took_ms: number;
}
export interface UserRecommendations {
  user: string;
  data: Array<Recommendation>;
  /** for feedback on these documents */
  recommendation_id: string;
  model: string;
  embedding_version: number;
  /** trained; 0: none */
  recommender: number;
  /** that the reader is in */
  experiment?: string;
  variant?: string;
  /** goes on with what was not shown yet, whatever the reader does in between; to 1,000 documents. 410: a restore lies in between */
  next_cursor: string | null;
  /** if there is nothing: the rule that took the last of it: filter, exclude, seen, min_relevance, caps, pages (all was shown), offset, ... */
  emptied_by?: string;
}
export interface UserFailure {
  user: string;
  error: RowError;
}
export interface DocumentReaders {
  /** best first */
  data: Array<Reader>;
  /** readers who were looked at: the latest active ones, at most 1,000 */
  considered: number;
  took_ms: number;
}
export interface Reader {
  user: string;
  /** how much of what this reader likes the document is */
  score: number;
  /** model: by the active recommender; text: by it too, of a document that nobody had read when it was trained; profile: by the texts of what ... */
  source: string;
}
export interface Feedback {
  /** the same one again changes nothing */
  event_id?: Id;
  user: Id;
  document: Id;
  /** view, click, like, save, read, rate (value 1 to 5), dislike, custom, or one of the collection's settings */
  type: string;
  value?: number;
  /** now if missing */
  time?: string;
  session?: Id;
  recommendation_id?: Id;
  /** the place in the list it came from */
  position?: number;
}
export interface FeedbackList {
  data: Array<StoredFeedback>;
  next_cursor: string | null;
}
export interface StoredFeedback {
  event_id: string;
  user: string;
  document: string;
  type: string;
  value: number | null;
  time: string;
  session?: string;
  recommendation_id?: string;
  position?: number;
}
export interface User {
  attributes?: { [name: string]: unknown };
  labels?: Array<string>;
}
export interface StoredUser {
  id: string;
  attributes?: { [name: string]: unknown };
  labels?: Array<string>;
  created: string;
  updated: string;
  revision: number;
}
export interface UserExport {
  /** on the first page, if there is one */
  user?: StoredUser;
  scores: Array<{ [name: string]: unknown }>;
  feedback: Array<StoredFeedback>;
  answers: Array<{ [name: string]: unknown }>;
  next_cursor: string | null;
}
export interface Experiments {
  data: Array<StoredExperiment>;
  next_cursor: string | null;
}
export interface StoredExperiment {
  name: string;
  scenario: string;
  state: "draft" | "running" | "stopped";
  metric: "click_through" | "conversion";
  variants: Array<ExperimentVariant>;
  created: string;
  updated: string;
  started?: string;
  stopped?: string;
  revision: number;
  /** of one that runs or ran; not in lists */
  results?: ExperimentResults;
}
export interface ExperimentVariant {
  name: string;
  /** its share of the readers is its weight over the sum of all */
  weight?: number;
  /** a trained one of the collection, by number */
  recommender?: number;
  /** a score expression, such as model + 0.3 * trending */
  blend?: string;
  diversity?: number;
  explore?: number;
  fatigue?: number;
  /** of freshness; 0: age does not matter */
  half_life_days?: number;
  /** false: the order is the relevance's */
  ranker?: boolean;
}
export interface ExperimentResults {
  as_of: string;
  /** false: older answers are still being counted, as after a start */
  complete: boolean;
  /** shared by the comparisons */
  alpha: number;
  variants: Array<VariantResult>;
}
export interface VariantResult {
  name: string;
  answers: number;
  /** exact up to 128, then within some 3 % */
  readers: number;
  /** documents in the answers */
  shown: number;
  /** different ones, as readers */
  documents: number;
  /** of the documents of the collection */
  coverage: number;
  click_through: Rate;
  conversion: Rate;
  versus_control?: VariantComparison;
}
export interface Rate {
  /** in which it happened */
  answers: number;
  rate: number;
  /** an interval that holds at all times, however often one looks */
  low: number;
  high: number;
}
export interface VariantComparison {
  /** of the rates of the metric */
  difference: number;
  low: number;
  high: number;
  /** difference over the control's rate */
  lift: number | null;
  /** always valid: that it is ever below alpha although nothing differs has a probability of at most alpha */
  p: number;
  verdict: "too few answers to tell" | "no difference found yet" | "better" | "worse";
}
export interface ExperimentNew {
  name: string;
  /** requests of this scenario; empty: those of scenarios without an experiment */
  scenario?: string;
  /** what decides; both are counted */
  metric?: "click_through" | "conversion";
  /** the first one is the control */
  variants: Array<ExperimentVariant>;
}
export interface Experiment {
  /** requests of this scenario; empty: those of scenarios without an experiment */
  scenario?: string;
  /** what decides; both are counted */
  metric?: "click_through" | "conversion";
  /** the first one is the control */
  variants: Array<ExperimentVariant>;
}
export interface RecommendationStatsList {
  data: Array<RecommendationStats>;
  /** answers up to then are counted */
  as_of: string;
  complete: boolean;
}
export interface RecommendationStats {
  day?: string;
  scenario?: string;
  /** 0: none was trained */
  recommender?: number;
  experiment?: string;
  variant?: string;
  /** that were not empty */
  answers: number;
  shown: number;
  /** answers */
  clicked: number;
  /** answers */
  converted: number;
  readers: number;
  documents: number;
  click_through: number;
  conversion: number;
  coverage: number;
}
export interface RecommendationEstimate {
  /** 0: none was trained */
  recommender: number;
  metric: "click_through" | "conversion";
  /** of the other way; rate null: nothing is known */
  estimate: { [name: string]: unknown };
  /** of the same slots as they were */
  observed: number | null;
  /** explored, first pages, of readers who are named; at most 2,000, the oldest first */
  answers: number;
  slots: number;
  /** slots as the other way */
  matched: number;
  /** so many slots carry the estimate */
  effective: number;
  /** 30 at least */
  enough: boolean;
  verdict: string;
  /** answers from then on */
  from?: string;
  /** and up to then; absent: there were none */
  through?: string;
  /** false: there are later ones */
  complete: boolean;
}
export interface ScoreSources {
  data: Array<ScoreSource>;
  next_cursor: string | null;
}
export interface ScoreSource {
  /** in score expressions: brought.SOURCE */
  source: string;
}
export interface ReaderScores {
  /** without one: of all readers */
  user?: Id;
  scores: Array<Score>;
}
export interface Score {
  document: Id;
  score: number;
}
export interface ScoresResults {
  data: Array<ScoresRow>;
  failed: number;
}
export interface ScoresRow {
  user?: string;
  status: "created" | "updated" | "failed";
  count?: number;
  unknown?: Array<string>;
  error?: RowError;
}
export interface StoredScores {
  scores: Array<Score>;
  updated: string;
}
export interface Scores {
  scores: Array<Score>;
}
export interface ScoresKept {
  /** scores that are kept */
  count: number;
  /** documents that the collection does not have: passed over */
  unknown: Array<string>;
}
export interface EmbeddingsRequest {
  /** the served model's name, or an alias */
  model?: string;
  /** a text, an array of up to 2048 texts, ids of the model's own vocabulary without special tokens, or an array of such */
  input: string | Array<string> | Array<number> | Array<Array<number>>;
  encoding_format?: "float" | "base64" | null;
  /** fewer than the model has: cut and normalised again */
  dimensions?: number | null;
  /** of a text that is longer than the model reads: refused, the mean of its passages, or cut */
  on_overflow?: "error" | "split" | "truncate" | null;
  /** puts the prefix before each text that the model wants */
  input_type?: "query" | "passage" | "document" | null;
  /** accepted, not used */
  user?: string | null;
}
export interface EmbeddingsAnswer {
  object: string;
  data: Array<Embedding>;
  model: string;
  usage: { [name: string]: unknown };
}
export interface Embedding {
  object: string;
  index: number;
  /** numbers, or base64 of little-endian float32 */
  embedding: Array<number> | string;
  tokens: number;
  truncated: boolean;
  /** that it was split into, if it was */
  passages?: number;
}
export interface Models {
  object: string;
  data: Array<Model>;
}
export interface Model {
  id: string;
  object: string;
  created: number;
  owned_by: string;
  digest: string;
  dims: number;
  tokens_max: number;
  precision: string;
  pooling: string;
  /** tokens; not of a model that a provider serves */
  vocabulary?: number;
}
export interface TEIEmbedRequest {
  /** a text, or an array of texts */
  inputs: string | Array<string>;
  /** else a text too long is an error */
  truncate?: boolean;
  truncation_direction?: "Right" | "right" | null;
  /** the prefix of a query or a passage */
  prompt_name?: "query" | "passage" | "document" | null;
  dimensions?: number | null;
  /** false: as the pooling left them */
  normalize?: boolean;
}
export interface TEIEmbedAllRequest {
  /** a text, or an array of up to 32 texts */
  inputs: string | Array<string>;
  /** else a text too long is an error */
  truncate?: boolean;
  truncation_direction?: "Right" | "right" | null;
  /** the prefix of a query or a passage */
  prompt_name?: "query" | "passage" | "document" | null;
}
export interface TEISimilarityRequest {
  inputs: { [name: string]: unknown };
  parameters?: { [name: string]: unknown } | null;
}
export interface TEITokenizeRequest {
  /** a text, or an array of texts */
  inputs: string | Array<string>;
  add_special_tokens?: boolean;
  prompt_name?: "query" | "passage" | "document" | null;
}
export interface TEIToken {
  id: number;
  text: string;
  special: boolean;
  start: number | null;
  stop: number | null;
}
export interface TEIDecodeRequest {
  /** ids of one text, or an array of such */
  ids: Array<number> | Array<Array<number>>;
  skip_special_tokens?: boolean;
}
export interface TEIInfo {
  model_id: string;
  model_sha: string;
  model_dtype: string;
  model_type: { [name: string]: unknown };
  max_input_length: number;
  max_client_batch_size: number;
  auto_truncate: boolean;
  version: string;
}
export interface State {
  status: string;
}
export interface RPCRequest {
  jsonrpc: "2.0";
  /** a string or an integer; without one it is a notification */
  id?: string | number;
  method: string;
  params?: { [name: string]: unknown };
  [name: string]: any;
}
export interface RPCAnswer {
  jsonrpc: "2.0";
  id: unknown;
  result?: { [name: string]: unknown };
  error?: { [name: string]: unknown };
}
export interface Changes {
  data: Array<Change>;
  /** go on from here, now or later */
  next_cursor: string;
}
export interface Change {
  position: string;
  type: string;
  at: string;
  data: { [name: string]: unknown };
}
export interface Keys {
  data: Array<StoredKey>;
  next_cursor: string | null;
}
export interface StoredKey {
  id: string;
  scopes: Array<"documents.read" | "documents.write" | "search" | "recommend" | "feedback.write" | "users.read" | "users.write" | "embed" | "train" | "models" | "events" | "backup" | "metrics" | "collections" | "keys" | "admin">;
  name?: string;
  description?: string;
  /** the only ones that are there for it; none: all */
  collections?: Array<string>;
  /** the only documents that are there for it, as in searches; empty: all */
  filter?: string;
  /** IP addresses or ranges that it is taken from; none: any */
  addresses?: Array<string>;
  /** its own in place of those of all keys; wider ones only of an admin. What a key makes takes of its limits too, unless it is an admin's */
  limits?: KeyLimits;
  /** null: never */
  expires?: string | null;
  created: string;
  updated: string;
  /** the key that made it: its id, or admin */
  created_by?: string;
  /** to the second; absent: never */
  last_used?: string;
  /** while the secret before a rotation works too */
  old_secret_until?: string;
}
export type KeyLimits = { [name: string]: unknown } | null;
export interface Key {
  scopes: Array<"documents.read" | "documents.write" | "search" | "recommend" | "feedback.write" | "users.read" | "users.write" | "embed" | "train" | "models" | "events" | "backup" | "metrics" | "collections" | "keys" | "admin">;
  name?: string;
  description?: string;
  /** the only ones that are there for it; none: all */
  collections?: Array<string>;
  /** the only documents that are there for it, as in searches; empty: all */
  filter?: string;
  /** IP addresses or ranges that it is taken from; none: any */
  addresses?: Array<string>;
  /** its own in place of those of all keys; wider ones only of an admin. What a key makes takes of its limits too, unless it is an admin's */
  limits?: KeyLimits;
  /** null: never */
  expires?: string | null;
}
export interface NewKey {
  /** the key itself, shown this once */
  key: string;
  id: string;
  scopes: Array<"documents.read" | "documents.write" | "search" | "recommend" | "feedback.write" | "users.read" | "users.write" | "embed" | "train" | "models" | "events" | "backup" | "metrics" | "collections" | "keys" | "admin">;
  name?: string;
  description?: string;
  /** the only ones that are there for it; none: all */
  collections?: Array<string>;
  /** the only documents that are there for it, as in searches; empty: all */
  filter?: string;
  /** IP addresses or ranges that it is taken from; none: any */
  addresses?: Array<string>;
  /** its own in place of those of all keys; wider ones only of an admin. What a key makes takes of its limits too, unless it is an admin's */
  limits?: KeyLimits;
  /** null: never */
  expires?: string | null;
  created: string;
  updated: string;
  /** the key that made it: its id, or admin */
  created_by?: string;
  /** to the second; absent: never */
  last_used?: string;
  /** while the secret before a rotation works too */
  old_secret_until?: string;
}
export interface KeyChange {
  scopes?: Array<"documents.read" | "documents.write" | "search" | "recommend" | "feedback.write" | "users.read" | "users.write" | "embed" | "train" | "models" | "events" | "backup" | "metrics" | "collections" | "keys" | "admin">;
  name?: string;
  description?: string;
  /** the only ones that are there for it; none: all */
  collections?: Array<string>;
  /** the only documents that are there for it, as in searches; empty: all */
  filter?: string;
  /** IP addresses or ranges that it is taken from; none: any */
  addresses?: Array<string>;
  /** its own in place of those of all keys; wider ones only of an admin. What a key makes takes of its limits too, unless it is an admin's */
  limits?: KeyLimits;
  /** null: never */
  expires?: string | null;
}
export interface KeyRotation {
  /** so long the secret before works too; 0: it is void at once */
  grace_seconds?: number;
}
export interface Backup {
  /** on the server's machine */
  path: string;
  bytes: number;
  /** it holds all up to here */
  position: string;
}
export interface Check {
  /** nothing is wrong with what was checked */
  ok: boolean;
  /** of all documents with their revisions and vectors */
  digest: string;
  checks: Array<CheckLine>;
}
export interface CheckLine {
  /** "store", "documents", "graph" ... */
  what: string;
  /** empty: it belongs to none */
  collection: string;
  /** embedding version; 0: it belongs to none */
  version: number;
  /** how many `unit` there are */
  count: number;
  unit: string;
  state: "ok" | "wrong" | "left out";
  /** a finding a line; or why it was left out */
  text: string;
  /** what to do about it */
  next: string;
}
export interface Version {
  version: string;
  commit: string;
  api: string;
}
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  errors: Array<Fault>;
  trace_id: string;
}
export interface OpenAIError {
  error: { [name: string]: unknown };
}
export interface TEIError {
  error: string;
  error_type: string;
  trace_id: string;
}
export interface RPCError {
  jsonrpc: "2.0";
  /** null where it is not known */
  id: unknown;
  error: { [name: string]: unknown };
}

export class Akin extends Http {
  /** All collections, by name */
  listCollections(options?: { limit?: number; cursor?: string }): Promise<Collections>;
  /** Make a collection */
  createCollection(body: CollectionNew, options?: { "Idempotency-Key"?: string }): Promise<Collection>;
  /** One collection, with its counts */
  getCollection(collection: string): Promise<Collection>;
  /** Change settings of a collection */
  updateCollection(collection: string, body: CollectionSettings): Promise<Collection>;
  /** Delete a collection and all that is in it */
  deleteCollection(collection: string): Promise<null>;
  /** All aliases, by name */
  listAliases(options?: { limit?: number; cursor?: string }): Promise<Aliases>;
  /** Set, move and delete several aliases in one step: all or none, and every request sees all of it or nothing of it. Two collections trade places by ... */
  swapAliases(body: AliasesSwap, options?: { "Idempotency-Key"?: string }): Promise<Aliases>;
  /** One alias */
  getAlias(alias: string): Promise<Alias>;
  /** Make an alias, or move it to another collection. Every route that names a collection takes the alias too; a request stays with the collection that it ... */
  putAlias(alias: string, body: AliasPut): Promise<Alias>;
  /** Delete an alias; the collection stays */
  deleteAlias(alias: string): Promise<null>;
  /** The embedding versions of a collection */
  listEmbeddingVersions(collection: string): Promise<EmbeddingVersions>;
  /** Embed the collection with another model, or the same one otherwise, in the background. Nothing changes for readers until it is promoted. */
  createEmbeddingVersion(collection: string, body: EmbeddingVersionNew, options?: { "Idempotency-Key"?: string }): Promise<EmbeddingVersion>;
  /** Back to the version that was retired last */
  rollbackEmbeddingVersion(collection: string, options?: { "Idempotency-Key"?: string }): Promise<EmbeddingVersion>;
  /** One version, with its progress and how it compares */
  getEmbeddingVersion(collection: string, version: string): Promise<EmbeddingVersion>;
  /** Delete a version, or end its building */
  deleteEmbeddingVersion(collection: string, version: string): Promise<null>;
  /** Make it the active one. Every request that begins after the answer uses it; no answer mixes two versions. */
  promoteEmbeddingVersion(collection: string, version: string, options?: { "Idempotency-Key"?: string }): Promise<EmbeddingVersion>;
  /** Hold it against the active one: overlap and rank-biased overlap of exact search, latency, bytes, and nDCG with judgments. Without queries some are ... */
  compareEmbeddingVersion(collection: string, version: string, body: CompareRequest, options?: { "Idempotency-Key"?: string }): Promise<EmbeddingVersion>;
  /** What was trained from the collection's readers, and classifiers from its labels: the last five of each */
  listRecommenders(collection: string): Promise<Recommenders>;
  /** Train on the feedback that is there, in a process of its own. What is made is judged on readers that were held out, beside popularity, neighbours, ... */
  trainRecommender(collection: string, body: Train, options?: { wait?: number; "Idempotency-Key"?: string }): Promise<Task>;
  /** Back to the recommender that was retired last, or to the classifier of a label */
  rollbackRecommender(collection: string, options?: { label?: string; "Idempotency-Key"?: string }): Promise<Recommender>;
  /** One recommender, with its parameters, data and metrics */
  getRecommender(collection: string, recommender: string): Promise<Recommender>;
  /** Delete a recommender that is not the active one */
  deleteRecommender(collection: string, recommender: string): Promise<null>;
  /** Make it the active one: every request that begins after the answer is served by it. 409: its file cannot be used; the active one stays. */
  promoteRecommender(collection: string, recommender: string, options?: { "Idempotency-Key"?: string }): Promise<Recommender>;
  /** Serve without a trained recommender: by profiles and popularity */
  retireRecommender(collection: string, recommender: string, options?: { "Idempotency-Key"?: string }): Promise<Recommender>;
  /** Tasks, newest first */
  listTasks(options?: { limit?: number; cursor?: string }): Promise<Tasks>;
  /** One task: how far it is, what came of it */
  getTask(task: string, options?: { wait?: number }): Promise<Task>;
  /** End a training, whether it is queued or runs. 409: it has ended */
  cancelTask(task: string, options?: { "Idempotency-Key"?: string }): Promise<Task>;
  /** Documents in the order of their ids */
  listDocuments(collection: string, options?: { limit?: number; cursor?: string; filter?: string; offset?: number; "Akin-Min-Position"?: string }): Promise<Documents>;
  /** Add or replace documents: one, an array, or a stream of lines (NDJSON). Acknowledged means stored, embedded and searchable. A batch is 200 with a ... */
  addDocuments(collection: string, body: Document | Array<Document>, options?: { atomic?: boolean; async?: boolean; "Idempotency-Key"?: string }): Promise<Rows>;
  /** Delete documents by their ids, or all that match a filter */
  deleteDocuments(collection: string, body: Delete, options?: { "Idempotency-Key"?: string }): Promise<Rows>;
  /** Documents by their ids: a row each, in the order asked, an id as often as it is asked for. An id that is not there is a row too (found: false). At ... */
  getDocuments(collection: string, body: DocumentsGet, options?: { "Akin-Min-Position"?: string }): Promise<FetchedDocuments>;
  /** One document */
  getDocument(collection: string, id: string, options?: { "If-None-Match"?: string; "Akin-Min-Position"?: string }): Promise<StoredDocument>;
  /** Add or replace one document */
  putDocument(collection: string, id: string, body: Document, options?: { async?: boolean; "If-Match"?: string; "If-None-Match"?: string }): Promise<Row>;
  /** Change parts of a document (RFC 7396) */
  patchDocument(collection: string, id: string, body: MergePatch, options?: { async?: boolean; "If-Match"?: string }): Promise<Row>;
  /** Delete one document */
  deleteDocument(collection: string, id: string, options?: { "If-Match"?: string }): Promise<null>;
  /** Search, the request in a body */
  search(collection: string, body: SearchRequest, options?: { "Akin-Min-Position"?: string }): Promise<SearchAnswer>;
  /** Several searches in one request: each gets its answer or its problem, in their order */
  multiSearch(body: MultiSearch, options?: { "Akin-Min-Position"?: string }): Promise<MultiSearchAnswer>;
  /** What is like these documents, this text or this vector */
  similar(collection: string, body: SimilarRequest, options?: { "Akin-Min-Position"?: string }): Promise<SearchAnswer>;
  /** The labels of a text, a document or a vector, with probabilities, by the active classifiers. 409: none is active */
  classify(collection: string, body: ClassifyRequest, options?: { "Akin-Min-Position"?: string }): Promise<ClassifyAnswer>;
  /** The values of a field, most frequent first */
  facet(collection: string, field: string, options?: { filter?: string; q?: string; limit?: number; duplicates?: "show" | "hide"; stats?: boolean; "Akin-Min-Position"?: string }): Promise<FacetAnswer>;
  /** What a reader should see next */
  recommend(collection: string, body: RecommendRequest, options?: { "Akin-Min-Position"?: string }): Promise<RecommendAnswer>;
  /** A list for each of up to 100 users, by the same rules: each gets its answer or its problem, in their order */
  recommendBatch(collection: string, body: RecommendBatch, options?: { "Akin-Min-Position"?: string }): Promise<RecommendBatchAnswer>;
  /** Who would like this document: readers by what they did lately, best first */
  documentReaders(collection: string, id: string, options?: { limit?: number; include_seen?: boolean; active_days?: number; "Akin-Min-Position"?: string }): Promise<DocumentReaders>;
  /** What readers did; each row is judged alone */
  addFeedback(collection: string, body: Feedback | Array<Feedback>, options?: { atomic?: boolean; create?: boolean; "Idempotency-Key"?: string }): Promise<Rows>;
  /** What readers did, newest first */
  listFeedback(collection: string, options?: { limit?: number; cursor?: string; user?: string; document?: string }): Promise<FeedbackList>;
  /** Describe a user */
  putUser(collection: string, id: string, body: User): Promise<StoredUser>;
  /** One user */
  getUser(collection: string, id: string): Promise<StoredUser>;
  /** Forget a user: their feedback, the answers that they got, the scores that were brought for them, their name in the change feed. Models that know them ... */
  deleteUser(collection: string, id: string): Promise<null>;
  /** All that is held of a user: who they are, the scores that were brought for them, what they did, and then what they were shown, newest first */
  exportUser(collection: string, id: string, options?: { limit?: number; cursor?: string }): Promise<UserExport>;
  /** What this user should see next */
  userRecommendations(collection: string, id: string, options?: { filter?: string; limit?: number; exclude?: Array<Id>; exclude_seen?: boolean | Array<string> | string; min_relevance?: number; pins?: Array<Pin>; caps?: Array<Cap>; boosts?: Array<RecommendBoost>; freshness?: Freshness; fatigue?: number; diversity?: number; explore?: number; blend?: string; ranker?: boolean; scenario?: string; fields?: Array<string>; explain?: boolean; offset?: number; cursor?: string; "Akin-Min-Position"?: string }): Promise<RecommendAnswer>;
  /** All experiments of a collection */
  listExperiments(collection: string): Promise<Experiments>;
  /** Describe an experiment; it does nothing until it is started */
  createExperiment(collection: string, body: ExperimentNew, options?: { "Idempotency-Key"?: string }): Promise<StoredExperiment>;
  /** One experiment, with what came out of it so far. Only feedback that names a recommendation counts, for a document that stood in it, within seven days. */
  getExperiment(collection: string, experiment: string): Promise<StoredExperiment>;
  /** Make or replace a draft; of one that runs, change the weights. Then readers between the old and the new bounds of the shares move to the neighbouring ... */
  putExperiment(collection: string, experiment: string, body: Experiment): Promise<StoredExperiment>;
  /** Delete an experiment, running or not */
  deleteExperiment(collection: string, experiment: string): Promise<null>;
  /** From now on requests of its scenario are served in its variants: a reader always in the same, those without a user as they are. At most one runs in a ... */
  startExperiment(collection: string, experiment: string, options?: { "Idempotency-Key"?: string }): Promise<StoredExperiment>;
  /** Requests are served as they are; its numbers stay */
  stopExperiment(collection: string, experiment: string, options?: { "Idempotency-Key"?: string }): Promise<StoredExperiment>;
  /** What became of recommendations: click-through, conversion and coverage, by day, scenario, model and variant */
  recommendationStats(collection: string, options?: { by?: Array<"day" | "scenario" | "model" | "variant">; from?: string; to?: string }): Promise<RecommendationStatsList>;
  /** What another recommender or blend would have earned, from answers that were explored (`explore` in their requests) and the feedback that names them: ... */
  recommendationEstimate(collection: string, options?: { recommender?: number; blend?: string; scenario?: string; filter?: string; metric?: "click_through" | "conversion"; from?: string; to?: string }): Promise<RecommendationEstimate>;
  /** The sources of uploaded scores */
  listScoreSources(collection: string): Promise<ScoreSources>;
  /** Scores that your own algorithm made, of many readers, each in place of what was there. They are candidates, and brought.SOURCE in score expressions. */
  uploadScores(collection: string, source: string, body: Array<ReaderScores>, options?: { "Idempotency-Key"?: string }): Promise<ScoresResults>;
  /** Delete a source: the scores of all readers */
  deleteScoreSource(collection: string, source: string): Promise<null>;
  /** The scores for all readers, which count where a reader's own say nothing */
  getScoresOfAll(collection: string, source: string): Promise<StoredScores>;
  /** Upload the scores for all readers, which count where a reader's own say nothing, in place of what was there */
  putScoresOfAll(collection: string, source: string, body: Scores): Promise<ScoresKept>;
  /** Delete the scores for all readers, which count where a reader's own say nothing */
  deleteScoresOfAll(collection: string, source: string): Promise<null>;
  /** The scores of one reader */
  getScoresOfUser(collection: string, source: string, id: string): Promise<StoredScores>;
  /** Upload the scores of one reader, in place of what was there */
  putScoresOfUser(collection: string, source: string, id: string, body: Scores): Promise<ScoresKept>;
  /** Delete the scores of one reader */
  deleteScoresOfUser(collection: string, source: string, id: string): Promise<null>;
  /** Vectors of texts, as OpenAI has it */
  createEmbeddings(body: EmbeddingsRequest): Promise<EmbeddingsAnswer>;
  /** The models that are served */
  listModels(): Promise<Models>;
  /** One model, by its name or an alias */
  getModel(model: string): Promise<Model>;
  /** The same as /embed: where clients of TEI ask that were given an address and no path */
  embedAtRoot(body: TEIEmbedRequest): Promise<Array<Array<number>>>;
  /** Vectors of texts, as TEI has it */
  embed(body: TEIEmbedRequest): Promise<Array<Array<number>>>;
  /** A vector for each token of texts, as TEI has it */
  embedAll(body: TEIEmbedAllRequest): Promise<Array<Array<Array<number>>>>;
  /** Cosines of texts to one text, as TEI has it */
  similarity(body: TEISimilarityRequest): Promise<Array<number>>;
  /** What the model reads of a text */
  tokenize(body: TEITokenizeRequest): Promise<Array<Array<TEIToken>>>;
  /** Texts of token ids */
  decode(body: TEIDecodeRequest): Promise<Array<string>>;
  /** The default model, as TEI has it */
  info(): Promise<TEIInfo>;
  /** Ready to serve, as TEI's probes ask it: /readyz under another name */
  health(): Promise<State>;
  /** The Model Context Protocol: tools for models, each a route of this server under another name (search, similar, recommend, get_document, add_document, ... */
  mcp(body: RPCRequest): Promise<RPCAnswer>;
  /** Everything that changed, in commit order; the cursor is a position and can be kept */
  listChanges(options?: { cursor?: string; limit?: number }): Promise<Changes>;
  /** The keys that may do no more than the one that asks; never their secrets */
  listKeys(options?: { limit?: number; cursor?: string }): Promise<Keys>;
  /** Make a key. The answer is the only place where it is ever shown. 403 with the field: it would be wider than the key that asks. */
  createKey(body: Key, options?: { "Idempotency-Key"?: string }): Promise<NewKey>;
  /** What a key allows, and when it was used */
  getKey(key: string): Promise<StoredKey>;
  /** Change what a key allows, from the answer on; its secret stays */
  updateKey(key: string, body: KeyChange): Promise<StoredKey>;
  /** Revoke a key: from the answer on it is not taken any more; those that it made (created_by) stay, within its limits, until they are deleted */
  deleteKey(key: string): Promise<null>;
  /** A new secret for a key, shown this once; the one before works for the grace time too */
  rotateKey(key: string, body?: KeyRotation, options?: { "Idempotency-Key"?: string }): Promise<NewKey>;
  /** Write a consistent copy into the data directory's backups/, while all else goes on. It is checked before it is there. */
  createBackup(options?: { "Idempotency-Key"?: string }): Promise<Backup>;
  /** Is the store whole, and does every index hold exactly what it holds? Reads everything, in the background, while all else goes on; what would hold up ... */
  createCheck(): Promise<Check>;
  /** The process answers */
  live(): Promise<State>;
  /** Ready to serve; 503 while starting and stopping */
  ready(): Promise<State>;
  /** Metrics in the Prometheus text format */
  metrics(): Promise<string>;
  /** What runs here */
  version(): Promise<Version>;
}
