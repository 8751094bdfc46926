"""Made by tools/make_clients.py from /openapi.json; not edited by hand."""
from __future__ import annotations

import sys
from typing import Any, Dict, List, Literal, TypedDict, Union

types = sys.modules[__name__]


class Collections(TypedDict, total=False):
    data: List["Collection"]
    next_cursor: Union[str, None]

class Collection(TypedDict, total=False):
    name: str
    settings: Dict[str, Any]
    model: str
    model_digest: str
    dims: int
    embedding_version: int  # the active one
    documents: int
    bytes: int  # of the documents as they are stored: their title, text, url, lang, tags and attributes as compact JSON. What ...
    passages: int
    pending: int  # documents not embedded yet
    index: "IndexState"  # of the vectors of the active version
    created: str
    updated: str
    revision: int

class IndexState(TypedDict, total=False):
    passages: int  # with a vector
    linked: int  # in the graph
    tail: int  # not yet in the graph: they are scanned
    unrefined: int  # in the graph, and their links will be chosen anew
    bytes: int  # of the vectors in memory
    recall: float  # share of the true answers that the last searches had, as measured on a sample
    recall_samples: int  # measured since the start; recall is 1 before
    recall_target: float  # index.recall_target
    width: int  # of a walk for 10
    width_filtered: int  # of a walk for 10 under a filter

class CollectionNew(TypedDict, total=False):
    name: str  # a-z, 0-9, _ and -, first a letter or digit, at most 64
    settings: "CollectionSettings"
    model: str  # a model in DATA/models; without one, the server's
    precision: Literal["auto", "fp32", "bf16", "int8"]  # of the products; auto: the fastest faithful one of this CPU, resolved once
    dimensions: int  # fewer than the model has: the first so many

class CollectionSettings(TypedDict, total=False):
    passage_tokens: int  # tokens of a passage
    overlap_tokens: int  # tokens that neighbouring passages share
    extra_fields: Literal["attributes", "error"]  # what unknown top-level fields of documents become
    mapping: "FieldMapping"
    synonyms: Union[List[Dict[str, Any]], None]  # words, or several in a row, that stand for one another in queries
    stop_words: Union[List[str], None]  # words of queries that do not count unless there is nothing else; those of the language need not be named
    feedback: Dict[str, Any]  # what acts of readers weigh
    quota: Union[Dict[str, Any], None]  # how much it may hold. A document that would make it grow over that is refused (quota_exceeded), each alone ...
    training: Dict[str, Any]  # when recommenders are trained by themselves
    recommend: Dict[str, Any]  # how it recommends unless a request says
    tenant_field: Union[str, None]  # the attribute that says whose a document is; every document has it then, and keeps it. Who asks for one ...
    versions_kept: int  # retired embedding versions that are kept, and kept up to date, for a rollback

class FieldMapping(TypedDict, total=False):
    """which field of the documents that come in is our title, text, url ..."""
    id: Union[str, None]
    title: Union[str, None]
    text: Union[str, None]
    url: Union[str, None]
    lang: Union[str, None]
    tags: Union[str, None]
    expires: Union[str, None]

class Aliases(TypedDict, total=False):
    data: List["Alias"]
    next_cursor: Union[str, None]

class Alias(TypedDict, total=False):
    name: str
    collection: str  # what it stands for
    created: str
    updated: str
    revision: int  # the change that made or moved it

class AliasesSwap(TypedDict, total=False):
    aliases: List["AliasSwap"]  # each name once

class AliasSwap(TypedDict, total=False):
    name: str  # a-z, 0-9, _ and -, first a letter or digit, at most 64
    collection: Union[str, None]  # what it stands for from now on; null: the alias goes

class AliasPut(TypedDict, total=False):
    collection: str  # by its own name, not by another alias

class EmbeddingVersions(TypedDict, total=False):
    data: List["EmbeddingVersion"]
    next_cursor: Union[str, None]

class EmbeddingVersion(TypedDict, total=False):
    id: int
    state: Literal["building", "ready", "active", "retired"]
    model: str
    model_digest: str
    precision: str
    dims: int
    passages: int
    missing: int  # documents that are not embedded for it yet
    bytes: int  # of its vectors in memory
    progress: "Progress"
    comparison: "Comparison"
    created: str
    updated: str
    revision: int

class Progress(TypedDict, total=False):
    done: int
    total: int
    failed: int  # cannot be embedded with this model
    rate: float  # documents a second
    eta_seconds: Union[float, None]
    error: str  # why it pauses

class Comparison(TypedDict, total=False):
    against: int  # the version that was active then
    at: str
    queries: int
    overlap_at_10: float  # mean share of the ten nearest that are the same
    rbo: float  # rank-biased overlap, extrapolated (Webber et al. 2010)
    rbo_p: float
    judged_queries: int
    active: "ComparedVersion"
    candidate: "ComparedVersion"

class ComparedVersion(TypedDict, total=False):
    version: int
    latency_ms_p50: float  # embedding and exact search
    bytes: int  # of the vectors in memory
    model_bytes: int
    ndcg_at_10: float

class EmbeddingVersionNew(TypedDict, total=False):
    model: str  # a model in DATA/models; without one, the server's
    precision: Literal["auto", "fp32", "bf16", "int8"]  # of the products; auto: the fastest faithful one of this CPU, resolved once
    dimensions: int  # fewer than the model has: the first so many

class CompareRequest(TypedDict, total=False):
    queries: List[str]
    judgments: List[Dict[str, Any]]

Id = Union[str, int]


class Recommenders(TypedDict, total=False):
    data: List["Recommender"]
    next_cursor: Union[str, None]

class Recommender(TypedDict, total=False):
    id: int
    state: Literal["candidate", "active", "retired"]
    kind: str
    label: str  # of a classifier: what it tells
    serving: bool  # the active one, or one in place of an active one whose file cannot be used
    digest: str  # SHA-256 of its file
    bytes: int  # of its file
    memory_bytes: int  # 0: it is not in memory
    embedding_version: int  # whose vectors it learned from; while another one is active it recommends by what was read together alone
    position: str  # of the data that it learned from
    acts: int  # of feedback that it learned from
    report: Union[Dict[str, Any], None]  # parameters, data, metrics on held-out readers with intervals, paired tests against the baselines and the ...
    error: str  # why its file cannot be used
    created: str
    updated: str
    revision: int

class Train(TypedDict, total=False):
    kind: Union[Literal["ease", "neighbours", "walks", "ials", "adapter", "classifier"], None]  # only this one is tried; default: those that suit the size. adapter: no recommender, but an embedding version, ...
    label: str  # of a classifier: what it learns to tell, tags or an attribute of text, of true and false, or of lists of ...
    min_probability: float  # of a classifier: what is less probable it does not tell in documents
    seed: int  # the same data and seed: the same model
    held_out: float  # share of readers (of a classifier: of documents) to judge by
    promote: bool  # false: it stays a candidate, whatever the gate says

class Task(TypedDict, total=False):
    id: int
    type: str  # train, embed
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    collection: Union[str, None]
    progress: Dict[str, Any]
    details: Dict[str, Any]  # what was asked for and what came of it; of a training: recommender, promoted, why, seconds, error {code, ...
    created: str
    updated: str

class Tasks(TypedDict, total=False):
    data: List["Task"]
    next_cursor: Union[str, None]

class Documents(TypedDict, total=False):
    data: List["StoredDocument"]
    next_cursor: Union[str, None]

class StoredDocument(TypedDict, total=False):
    id: str
    title: str
    text: str
    url: str
    lang: str
    detected_lang: str  # ISO 639-1 code of the language that akin found the title and text to be in, when the document was written ...
    tags: List[str]
    attributes: Dict[str, Any]
    created: str
    updated: str
    expires: str
    revision: int
    pending: bool  # true: found by its words only, so far
    duplicate_of: str  # id of the older document of which this one is a near-copy: words misspelt, added, left out or moved, up to ...
    predicted: Dict[str, Any]  # labels that the document does not have, as the active classifiers tell them when it is read: {"topic": ...

class Document(TypedDict, total=False):
    """Text is found under text, content or body unless the collection maps it; other unknown fields become attributes. null stands for what is missing."""
    id: Union[str, int, None]  # made if missing
    title: Union[str, None]
    text: Union[str, None]
    url: Union[str, None]
    lang: Union[str, None]  # language tag (BCP 47) such as en or pt-BR; without one the language is detected (detected_lang in answers) ...
    tags: Union[List[str], None]
    attributes: Union[Dict[str, Any], None]  # filterable
    expires: Union[str, None]
    vector: Union[List[float], None]  # the document's one vector, instead of those made from its passages: as many finite numbers as the ...

class Rows(TypedDict, total=False):
    """deleted, remaining: of those that a filter matched"""
    data: List["Row"]
    failed: int
    position: str  # a place in the order of all changes
    deleted: int
    remaining: int

class Row(TypedDict, total=False):
    id: str
    status: Literal["created", "updated", "unchanged", "deleted", "not_found", "failed"]
    revision: int
    pending: bool  # true: stored and found by its words; vectors come later
    error: "RowError"
    line: int  # of an NDJSON import, for a row that failed
    event_id: str  # of feedback
    warning: str  # of feedback: it is kept, but not counted for the recommendation that it names
    position: str  # of a single document's answer

RowError = Union[Dict[str, Any], None]


class Fault(TypedDict, total=False):
    pointer: str  # JSON pointer into the body
    parameter: str  # name of the parameter or header
    detail: str

class Delete(TypedDict, total=False):
    """ids, or a filter that is not empty: of what matches at most 10,000 are deleted in a request, and the answer says how many remain"""
    ids: List["Id"]
    filter: str  # which documents may be in the answer: lang = "en" AND (year >= 2020 OR tags IN ["a","b"]) AND NOT hidden = ...

class DocumentsGet(TypedDict, total=False):
    ids: List["Id"]
    fields: List[str]  # what of each document comes back beside its id: title, attributes.year, revision; without it everything, [] ...

class FetchedDocuments(TypedDict, total=False):
    data: List["FetchedDocument"]
    missing: int  # rows that were not found

class FetchedDocument(TypedDict, total=False):
    id: str
    found: bool  # false: there is none of this id, or none that the key may see
    revision: int
    etag: str  # for If-Match
    document: "DocumentParts"

class DocumentParts(TypedDict, total=False):
    """as StoredDocument; with `fields` in the request its id and what that names"""
    id: str
    title: str
    text: str
    url: str
    lang: str
    tags: List[str]
    attributes: Dict[str, Any]
    created: str
    updated: str
    expires: str
    revision: int
    pending: bool
    duplicate_of: str
    detected_lang: str
    predicted: Dict[str, Any]

MergePatch = Dict[str, Any]


class Weights(TypedDict, total=False):
    lexical: float
    semantic: float

class Boost(TypedDict, total=False):
    """score = relevance * (1 - sum of weight * (1 - boost)); a boost is from 0 to 1, and 0 for a document without the field"""
    field: str  # with half_life dates (created, updated or an attribute), with pivot numbers; of several values the greatest ...
    half_life: Union[float, str]  # boost = 2^(-age / half_life)
    origin: str  # from which ages count; without one, now
    pivot: float  # boost = x / (x + pivot)
    weight: float  # of all boosts together at most 1

class Facet(TypedDict, total=False):
    field: str
    limit: int  # values, most frequent first
    ranges: List[Dict[str, Any]]  # instead of values: how many documents have one with from <= value < to; a document that has several is ...
    stats: bool  # min, max and avg of the numbers and dates that match (avg of dates in seconds since 1970), under facet_stats

class SortKey(TypedDict, total=False):
    field: str  # as in filters, or _score
    lat: float  # with lon: by the distance of the field's points
    lon: float
    order: Literal["asc", "desc"]  # of _score desc
    missing: Literal["last", "first"]  # where documents without a value stand, in either order

class GroupBy(TypedDict, total=False):
    field: str  # as in filters
    limit: int  # hits of each group; times the number of groups at most 1,000

class HighlightOptions(TypedDict, total=False):
    pre: str
    post: str

class SearchAnswer(TypedDict, total=False):
    data: List["Hit"]
    total: Dict[str, Any]
    next_cursor: Union[str, None]  # goes on behind the last document shown, wherever that stands by then: while nothing changes no document comes ...
    took_ms: float
    embedding_version: int  # that the answer is from
    search_id: str
    facets: Dict[str, List["FacetCount"]]  # by field, if asked for
    facet_stats: Dict[str, "FacetStats"]  # by field, if asked for
    explain: Dict[str, Any]  # how the hits were found, if asked for
    by: Literal["text", "readers", "both"]  # similar: what it went by
    personalised: bool  # with user: whether anything is known of them
    degraded: str  # why hybrid search had words alone to go by: a remote model is away

class Hit(TypedDict, total=False):
    id: str
    score: float
    distance_m: float  # from the point that sort, else the filter, asks for first
    scores: Dict[str, Any]
    passage: "Passage"  # the best one; null: the document has no text
    title_highlights: List[Dict[str, Any]]  # the query's words in the document's title, in bytes
    snippet: "Passage"  # if snippet_length is given: out of the passage
    highlighted: Dict[str, Any]  # if highlight is given
    document: "DocumentParts"
    explain: Dict[str, Any]  # linear: relevance = weights.lexical * bm25 / bound + weights.semantic * max(0, (cosine - mean_cosine) / (1 - ...
    group: Dict[str, Any]  # if group_by is given: what the hit is the best of

Passage = Union[Dict[str, Any], None]


class GroupHit(TypedDict, total=False):
    id: str
    score: float
    distance_m: float  # from the point that sort, else the filter, asks for first
    scores: Dict[str, Any]
    passage: "Passage"  # the best one; null: the document has no text
    title_highlights: List[Dict[str, Any]]  # the query's words in the document's title, in bytes
    snippet: "Passage"  # if snippet_length is given: out of the passage
    highlighted: Dict[str, Any]  # if highlight is given
    document: "DocumentParts"
    explain: Dict[str, Any]  # linear: relevance = weights.lexical * bm25 / bound + weights.semantic * max(0, (cosine - mean_cosine) / (1 - ...

FacetCount = TypedDict("FacetCount", {"count": "int", "value": "Any", "name": "str", "from": "Any", "to": "Any"}, total=False)

class FacetStats(TypedDict, total=False):
    count: int  # numbers and dates
    min: Any  # null if there are none
    max: Any
    avg: Union[float, None]

class SearchRequest(TypedDict, total=False):
    q: str  # what is looked for; "a phrase" must be there as it stands, -word and -"a phrase" must not (not in mode ...
    mode: Literal["hybrid", "semantic", "lexical"]  # by words and meaning, by meaning alone, by words alone
    match: Literal["any", "all"]  # all: only documents that hold every word, stop words aside (not in mode semantic)
    prefix: bool  # search as you type: the last word stands for all that begin with it
    typos: bool  # a word that no document has stands for those that are one edit away (from 4 letters on), or two (from 8); not ...
    filter: str
    limit: int
    offset: int
    cursor: Union[str, None]  # next_cursor of the answer before, unchanged, with the same request but limit. 422: of another request or not ...
    min_score: float  # cuts before totals and facets; not with fusion rrf or minmax
    fusion: Literal["linear", "rrf", "minmax"]  # hybrid; linear: scores depend on the query and the document alone, and compare; rrf (ranks, k = 60) and ...
    weights: "Weights"  # hybrid; linear and minmax: shares, .6 and .4; rrf: 1 and 1
    user: "Id"  # ranks what is like this reader's profile higher: one more boost, max(0, (cos - mean) / (1 - mean)) to the ...
    user_weight: float  # of that boost; with the others at most 1
    boosts: List["Boost"]  # what is new, or has more of something, ranks higher
    facets: Union[str, List[Union[str, "Facet"]]]  # fields whose values are counted among all that matches: names ("tags,year", or an array), or objects with a ...
    sort: Union[str, List[Union[str, "SortKey"]]]  # the order of all that match, not only of the best: up to 8 fields, "year:desc,site" or an array of such and ...
    group_by: Union[str, "GroupBy"]  # at most so many hits of each value of a field (of an array its first). limit, offset and the cursor count ...
    duplicates: Literal["show", "hide"]  # hide: without those that are near-copies of an older document (duplicate_of), even if that one is not in the ...
    exact: bool  # compare all vectors: slower, and nothing is missed
    fields: List[str]  # what of each document comes back beside its id: title, attributes.year, revision; without it everything, [] ...
    snippet_length: int  # each hit gets a snippet of at most so many code points out of its passage, where the query's words stand ...
    highlight: "HighlightOptions"  # each hit gets `highlighted`: title and snippet (of 200 code points if no length is given) as HTML, & < > " ...
    explain: bool

class MultiSearch(TypedDict, total=False):
    searches: List["CollectionSearch"]  # each as a search of its own, of any collection; their limits together at most 1,000

class CollectionSearch(TypedDict, total=False):
    collection: str  # a-z, 0-9, _ and -, first a letter or digit, at most 64
    q: str  # what is looked for; "a phrase" must be there as it stands, -word and -"a phrase" must not (not in mode ...
    mode: Literal["hybrid", "semantic", "lexical"]  # by words and meaning, by meaning alone, by words alone
    match: Literal["any", "all"]  # all: only documents that hold every word, stop words aside (not in mode semantic)
    prefix: bool  # search as you type: the last word stands for all that begin with it
    typos: bool  # a word that no document has stands for those that are one edit away (from 4 letters on), or two (from 8); not ...
    filter: str
    limit: int
    offset: int
    cursor: Union[str, None]  # next_cursor of the answer before, unchanged, with the same request but limit. 422: of another request or not ...
    min_score: float  # cuts before totals and facets; not with fusion rrf or minmax
    fusion: Literal["linear", "rrf", "minmax"]  # hybrid; linear: scores depend on the query and the document alone, and compare; rrf (ranks, k = 60) and ...
    weights: "Weights"  # hybrid; linear and minmax: shares, .6 and .4; rrf: 1 and 1
    user: "Id"  # ranks what is like this reader's profile higher: one more boost, max(0, (cos - mean) / (1 - mean)) to the ...
    user_weight: float  # of that boost; with the others at most 1
    boosts: List["Boost"]  # what is new, or has more of something, ranks higher
    facets: Union[str, List[Union[str, "Facet"]]]  # fields whose values are counted among all that matches: names ("tags,year", or an array), or objects with a ...
    sort: Union[str, List[Union[str, "SortKey"]]]  # the order of all that match, not only of the best: up to 8 fields, "year:desc,site" or an array of such and ...
    group_by: Union[str, "GroupBy"]  # at most so many hits of each value of a field (of an array its first). limit, offset and the cursor count ...
    duplicates: Literal["show", "hide"]  # hide: without those that are near-copies of an older document (duplicate_of), even if that one is not in the ...
    exact: bool  # compare all vectors: slower, and nothing is missed
    fields: List[str]  # what of each document comes back beside its id: title, attributes.year, revision; without it everything, [] ...
    snippet_length: int  # each hit gets a snippet of at most so many code points out of its passage, where the query's words stand ...
    highlight: "HighlightOptions"  # each hit gets `highlighted`: title and snippet (of 200 code points if no length is given) as HTML, & < > " ...
    explain: bool

class MultiSearchAnswer(TypedDict, total=False):
    data: List[Union["SearchAnswer", "SearchFailure"]]  # in the order of the searches
    failed: int
    took_ms: float

class SearchFailure(TypedDict, total=False):
    error: "RowError"  # pointers are of the whole request

class SimilarRequest(TypedDict, total=False):
    id: "Id"  # a document stands for itself by the mean of its passages' vectors; documents in the answer are compared by ...
    ids: List["Id"]  # the mean of these documents, each with the same weight; they are not in the answer. What is not embedded yet ...
    text: str  # of any length: the mean of its passages, as of a document
    vector: List[float]  # as many finite numbers as the collection's dims, of any length but 0
    by: Literal["text", "readers", "both"]  # what makes two documents alike: their texts, that the same readers read both (by the recommender that is ...
    filter: str
    limit: int
    offset: int
    cursor: Union[str, None]  # next_cursor of the answer before, unchanged, with the same request but limit. 422: of another request or not ...
    exclude: List["Id"]  # documents that are not wanted; unknown ids do no harm
    min_score: float
    user: "Id"  # ranks what is like this reader's profile higher: one more boost, max(0, (cos - mean) / (1 - mean)) to the ...
    user_weight: float  # of that boost; with the others at most 1
    boosts: List["Boost"]
    facets: Union[str, List[Union[str, "Facet"]]]  # fields whose values are counted among all that matches: names ("tags,year", or an array), or objects with a ...
    sort: Union[str, List[Union[str, "SortKey"]]]  # the order of all that match, not only of the best: up to 8 fields, "year:desc,site" or an array of such and ...
    group_by: Union[str, "GroupBy"]  # at most so many hits of each value of a field (of an array its first). limit, offset and the cursor count ...
    duplicates: Literal["show", "hide"]  # hide: without those that are near-copies of an older document (duplicate_of), even if that one is not in the ...
    exact: bool  # compare all vectors: slower, and nothing is missed
    fields: List[str]  # what of each document comes back beside its id: title, attributes.year, revision; without it everything, [] ...
    snippet_length: int  # each hit gets a snippet of at most so many code points out of its passage, where the query's words stand ...
    explain: bool
    diversity: float  # 0: nearest first; towards 1: less alike among each other. Each 200 documents in a row are ordered anew

class ClassifyRequest(TypedDict, total=False):
    id: "Id"  # of a document, whatever labels it has
    text: str  # of any length, as a document's
    vector: List[float]  # as many finite numbers as the collection's dims, of any length but 0
    label: str  # by the classifier of this label; else by all that are active
    limit: int  # labels of each classifier, the most probable first

class ClassifyAnswer(TypedDict, total=False):
    data: List["Classified"]
    took_ms: float

class Classified(TypedDict, total=False):
    label: str  # what is told: tags, attributes.topic
    classifier: int  # its number among the recommenders
    multiple: bool  # each label holds or not by itself; else one holds, and probabilities add up to 1
    min_probability: float  # from which documents are given the label
    labels: List["ProbableLabel"]

class ProbableLabel(TypedDict, total=False):
    label: Union[str, bool]
    probability: float

class FacetAnswer(TypedDict, total=False):
    field: str
    data: List["FacetCount"]
    total: Dict[str, Any]  # documents that match
    stats: "FacetStats"  # if asked for
    took_ms: float

class RecommendRequest(TypedDict, total=False):
    """Goes by what the user did, by what the request names, or by both; one of user, session, positive (or items), negative and text must be there. What ..."""
    user: "Id"  # one that nothing is known of gets what is popular now
    session: List["Id"]  # documents in the order they were read, the newest last
    positive: List["Id"]  # documents that were liked
    items: List["Id"]  # the same under another name
    negative: List["Id"]  # documents that were not
    text: str  # what is wanted, in words
    filter: str
    limit: int
    exclude: List["Id"]  # documents that are not wanted; unknown ids do no harm
    exclude_seen: Union[bool, List[str], str]  # leave out what the reader had to do with: of all types of feedback that count as seen, or of the types of ...
    min_relevance: float  # leaves out what is less relevant, before boosts; not pins
    pins: List["Pin"]  # documents that stand where they are put, unless they are excluded, seen or filtered out. One whose position ...
    caps: List["Cap"]  # at most `limit` documents of each value of a field in the whole list, all pages together. Pins count, and may ...
    boosts: List["RecommendBoost"]  # score = (relevance + what the ranker adds) * the factor of each boost that fits (of a sum below 0 divided by ...
    freshness: "Freshness"  # score * 0.5 ^ (age / half_life_days), by when a document was created
    fatigue: float  # score * (1 - fatigue) ^ n for a document that this reader was shown n times in the last answers without ...
    diversity: float  # 0: best first; towards 1: less alike among each other (maximal marginal relevance among the 200 best that are ...
    explore: float  # each slot that is not pinned is with this probability drawn from the 50 best that may stand there; the answer ...
    blend: str  # how the sources' scores make the relevance, in place of the collection's way: model, profile, session, ...
    ranker: bool  # false: the order is the relevance's, even if the recommender has a ranker
    scenario: str  # where it is shown; click-through and the like are told by it. a-z, 0-9, _ and -
    fields: List[str]  # what of each document comes back beside its id: title, attributes.year; without it everything, [] for nothing
    explain: bool
    offset: int
    cursor: Union[str, None]  # next_cursor of the answer before, unchanged, with the same request but limit. 422: of another request or not ...

class Pin(TypedDict, total=False):
    id: "Id"
    position: int  # from 0, in the whole list

class Cap(TypedDict, total=False):
    field: str  # as in filters
    limit: int

class RecommendBoost(TypedDict, total=False):
    filter: str  # which documents may be in the answer: lang = "en" AND (year >= 2020 OR tags IN ["a","b"]) AND NOT hidden = ...
    factor: float  # above 1 lifts, below 1 buries

class Freshness(TypedDict, total=False):
    half_life_days: float

class RecommendAnswer(TypedDict, total=False):
    data: List["Recommendation"]
    recommendation_id: str  # for feedback on these documents
    model: str
    embedding_version: int
    recommender: int  # trained; 0: none
    experiment: str  # that the reader is in
    variant: str
    next_cursor: Union[str, None]  # goes on with what was not shown yet, whatever the reader does in between; to 1,000 documents. 410: a restore ...
    emptied_by: str  # if there is nothing: the rule that took the last of it: filter, exclude, seen, min_relevance, caps, pages ...
    took_ms: float

class Recommendation(TypedDict, total=False):
    id: str
    score: float
    source: str  # of the greatest part of the score: model, text, profile, session, trending, popular, newest, brought; or why ...
    position: int  # in the whole list, from 0, as feedback has it
    propensity: float  # with explore: the probability that it stands here, given what stands before
    relevance: float  # with explain: the score before the rules
    adjustments: "Adjustments"  # with explain: score = (relevance + ranker) * boost * freshness * fatigue
    explanation: List[Dict[str, Any]]  # with explain: the documents that gave most of the relevance, the largest part first; of a reader's newest ...
    others: float  # with explain: the relevance less the parts: what other documents gave, what no document did, and what the ...
    document: "DocumentParts"

class Adjustments(TypedDict, total=False):
    ranker: float  # what is added to the relevance so that the order is the trained ranker's; 0 without one
    boost: float  # the product of all that fit
    freshness: float
    fatigue: float
    alike: float  # the mean cosine with what stands before it, which diversity holds against it; 0 without diversity

class RecommendBatch(TypedDict, total=False):
    """The first page for each of these users, by the same rules"""
    users: List["Id"]  # each once
    filter: str
    limit: int
    exclude: List["Id"]  # documents that are not wanted; unknown ids do no harm
    exclude_seen: Union[bool, List[str], str]  # leave out what the reader had to do with: of all types of feedback that count as seen, or of the types of ...
    min_relevance: float  # leaves out what is less relevant, before boosts; not pins
    pins: List["Pin"]  # documents that stand where they are put, unless they are excluded, seen or filtered out. One whose position ...
    caps: List["Cap"]  # at most `limit` documents of each value of a field in the whole list, all pages together. Pins count, and may ...
    boosts: List["RecommendBoost"]  # score = (relevance + what the ranker adds) * the factor of each boost that fits (of a sum below 0 divided by ...
    freshness: "Freshness"  # score * 0.5 ^ (age / half_life_days), by when a document was created
    fatigue: float  # score * (1 - fatigue) ^ n for a document that this reader was shown n times in the last answers without ...
    diversity: float  # 0: best first; towards 1: less alike among each other (maximal marginal relevance among the 200 best that are ...
    explore: float  # each slot that is not pinned is with this probability drawn from the 50 best that may stand there; the answer ...
    blend: str  # how the sources' scores make the relevance, in place of the collection's way: model, profile, session, ...
    ranker: bool  # false: the order is the relevance's, even if the recommender has a ranker
    scenario: str  # where it is shown; click-through and the like are told by it. a-z, 0-9, _ and -
    fields: List[str]  # what of each document comes back beside its id: title, attributes.year; without it everything, [] for nothing
    explain: bool

class RecommendBatchAnswer(TypedDict, total=False):
    data: List[Union["UserRecommendations", "UserFailure"]]  # in the order of the users
    failed: int
    took_ms: float

class UserRecommendations(TypedDict, total=False):
    user: str
    data: List["Recommendation"]
    recommendation_id: str  # for feedback on these documents
    model: str
    embedding_version: int
    recommender: int  # trained; 0: none
    experiment: str  # that the reader is in
    variant: str
    next_cursor: Union[str, None]  # goes on with what was not shown yet, whatever the reader does in between; to 1,000 documents. 410: a restore ...
    emptied_by: str  # if there is nothing: the rule that took the last of it: filter, exclude, seen, min_relevance, caps, pages ...

class UserFailure(TypedDict, total=False):
    user: str
    error: "RowError"

class DocumentReaders(TypedDict, total=False):
    data: List["Reader"]  # best first
    considered: int  # readers who were looked at: the latest active ones, at most 1,000
    took_ms: float

class Reader(TypedDict, total=False):
    user: str
    score: float  # how much of what this reader likes the document is
    source: str  # model: by the active recommender; text: by it too, of a document that nobody had read when it was trained; ...

class Feedback(TypedDict, total=False):
    event_id: "Id"  # the same one again changes nothing
    user: "Id"
    document: "Id"
    type: str  # view, click, like, save, read, rate (value 1 to 5), dislike, custom, or one of the collection's settings
    value: float
    time: str  # now if missing
    session: "Id"
    recommendation_id: "Id"
    position: int  # the place in the list it came from

class FeedbackList(TypedDict, total=False):
    data: List["StoredFeedback"]
    next_cursor: Union[str, None]

class StoredFeedback(TypedDict, total=False):
    event_id: str
    user: str
    document: str
    type: str
    value: Union[float, None]
    time: str
    session: str
    recommendation_id: str
    position: int

class User(TypedDict, total=False):
    attributes: Dict[str, Any]
    labels: List[str]

class StoredUser(TypedDict, total=False):
    id: str
    attributes: Dict[str, Any]
    labels: List[str]
    created: str
    updated: str
    revision: int

class UserExport(TypedDict, total=False):
    user: "StoredUser"  # on the first page, if there is one
    scores: List[Dict[str, Any]]
    feedback: List["StoredFeedback"]
    answers: List[Dict[str, Any]]
    next_cursor: Union[str, None]

class Experiments(TypedDict, total=False):
    data: List["StoredExperiment"]
    next_cursor: Union[str, None]

class StoredExperiment(TypedDict, total=False):
    name: str
    scenario: str
    state: Literal["draft", "running", "stopped"]
    metric: Literal["click_through", "conversion"]
    variants: List["ExperimentVariant"]
    created: str
    updated: str
    started: str
    stopped: str
    revision: int
    results: "ExperimentResults"  # of one that runs or ran; not in lists

class ExperimentVariant(TypedDict, total=False):
    """what it says is put in place of what a request says"""
    name: str
    weight: float  # its share of the readers is its weight over the sum of all
    recommender: int  # a trained one of the collection, by number
    blend: str  # a score expression, such as model + 0.3 * trending
    diversity: float
    explore: float
    fatigue: float
    half_life_days: float  # of freshness; 0: age does not matter
    ranker: bool  # false: the order is the relevance's

class ExperimentResults(TypedDict, total=False):
    as_of: str
    complete: bool  # false: older answers are still being counted, as after a start
    alpha: float  # shared by the comparisons
    variants: List["VariantResult"]

class VariantResult(TypedDict, total=False):
    name: str
    answers: int
    readers: int  # exact up to 128, then within some 3 %
    shown: int  # documents in the answers
    documents: int  # different ones, as readers
    coverage: float  # of the documents of the collection
    click_through: "Rate"
    conversion: "Rate"
    versus_control: "VariantComparison"

class Rate(TypedDict, total=False):
    answers: int  # in which it happened
    rate: float
    low: float  # an interval that holds at all times, however often one looks
    high: float

class VariantComparison(TypedDict, total=False):
    difference: float  # of the rates of the metric
    low: float
    high: float
    lift: Union[float, None]  # difference over the control's rate
    p: float  # always valid: that it is ever below alpha although nothing differs has a probability of at most alpha
    verdict: Literal["too few answers to tell", "no difference found yet", "better", "worse"]

class ExperimentNew(TypedDict, total=False):
    name: str
    scenario: str  # requests of this scenario; empty: those of scenarios without an experiment
    metric: Literal["click_through", "conversion"]  # what decides; both are counted
    variants: List["ExperimentVariant"]  # the first one is the control

class Experiment(TypedDict, total=False):
    scenario: str  # requests of this scenario; empty: those of scenarios without an experiment
    metric: Literal["click_through", "conversion"]  # what decides; both are counted
    variants: List["ExperimentVariant"]  # the first one is the control

class RecommendationStatsList(TypedDict, total=False):
    data: List["RecommendationStats"]
    as_of: str  # answers up to then are counted
    complete: bool

class RecommendationStats(TypedDict, total=False):
    day: str
    scenario: str
    recommender: int  # 0: none was trained
    experiment: str
    variant: str
    answers: int  # that were not empty
    shown: int
    clicked: int  # answers
    converted: int  # answers
    readers: int
    documents: int
    click_through: float
    conversion: float
    coverage: float

RecommendationEstimate = TypedDict("RecommendationEstimate", {"recommender": "int", "metric": "Literal[\"click_through\", \"conversion\"]", "estimate": "Dict[str, Any]", "observed": "Union[float, None]", "answers": "int", "slots": "int", "matched": "int", "effective": "float", "enough": "bool", "verdict": "str", "from": "str", "through": "str", "complete": "bool"}, total=False)

class ScoreSources(TypedDict, total=False):
    data: List["ScoreSource"]
    next_cursor: Union[str, None]

class ScoreSource(TypedDict, total=False):
    source: str  # in score expressions: brought.SOURCE

class ReaderScores(TypedDict, total=False):
    user: "Id"  # without one: of all readers
    scores: List["Score"]

class Score(TypedDict, total=False):
    document: "Id"
    score: float

class ScoresResults(TypedDict, total=False):
    data: List["ScoresRow"]
    failed: int

class ScoresRow(TypedDict, total=False):
    user: str
    status: Literal["created", "updated", "failed"]
    count: int
    unknown: List[str]
    error: "RowError"

class StoredScores(TypedDict, total=False):
    scores: List["Score"]
    updated: str

class Scores(TypedDict, total=False):
    scores: List["Score"]

class ScoresKept(TypedDict, total=False):
    count: int  # scores that are kept
    unknown: List[str]  # documents that the collection does not have: passed over

class EmbeddingsRequest(TypedDict, total=False):
    model: str  # the served model's name, or an alias
    input: Union[str, List[str], List[int], List[List[int]]]  # a text, an array of up to 2048 texts, ids of the model's own vocabulary without special tokens, or an array ...
    encoding_format: Union[Literal["float", "base64"], None]
    dimensions: Union[int, None]  # fewer than the model has: cut and normalised again
    on_overflow: Union[Literal["error", "split", "truncate"], None]  # of a text that is longer than the model reads: refused, the mean of its passages, or cut
    input_type: Union[Literal["query", "passage", "document"], None]  # puts the prefix before each text that the model wants
    user: Union[str, None]  # accepted, not used

class EmbeddingsAnswer(TypedDict, total=False):
    object: str
    data: List["Embedding"]
    model: str
    usage: Dict[str, Any]

class Embedding(TypedDict, total=False):
    object: str
    index: int
    embedding: Union[List[float], str]  # numbers, or base64 of little-endian float32
    tokens: int
    truncated: bool
    passages: int  # that it was split into, if it was

class Models(TypedDict, total=False):
    object: str
    data: List["Model"]

class Model(TypedDict, total=False):
    id: str
    object: str
    created: int
    owned_by: str
    digest: str
    dims: int
    tokens_max: int
    precision: str
    pooling: str
    vocabulary: int  # tokens; not of a model that a provider serves

class TEIEmbedRequest(TypedDict, total=False):
    inputs: Union[str, List[str]]  # a text, or an array of texts
    truncate: bool  # else a text too long is an error
    truncation_direction: Union[Literal["Right", "right"], None]
    prompt_name: Union[Literal["query", "passage", "document"], None]  # the prefix of a query or a passage
    dimensions: Union[int, None]
    normalize: bool  # false: as the pooling left them

class TEIEmbedAllRequest(TypedDict, total=False):
    inputs: Union[str, List[str]]  # a text, or an array of up to 32 texts
    truncate: bool  # else a text too long is an error
    truncation_direction: Union[Literal["Right", "right"], None]
    prompt_name: Union[Literal["query", "passage", "document"], None]  # the prefix of a query or a passage

class TEISimilarityRequest(TypedDict, total=False):
    inputs: Dict[str, Any]
    parameters: Union[Dict[str, Any], None]

class TEITokenizeRequest(TypedDict, total=False):
    inputs: Union[str, List[str]]  # a text, or an array of texts
    add_special_tokens: bool
    prompt_name: Union[Literal["query", "passage", "document"], None]

class TEIToken(TypedDict, total=False):
    id: int
    text: str
    special: bool
    start: Union[int, None]
    stop: Union[int, None]

class TEIDecodeRequest(TypedDict, total=False):
    ids: Union[List[int], List[List[int]]]  # ids of one text, or an array of such
    skip_special_tokens: bool

class TEIInfo(TypedDict, total=False):
    model_id: str
    model_sha: str
    model_dtype: str
    model_type: Dict[str, Any]
    max_input_length: int
    max_client_batch_size: int
    auto_truncate: bool
    version: str

class State(TypedDict, total=False):
    status: str

class RPCRequest(TypedDict, total=False):
    """JSON-RPC 2.0, one request or notification. Methods of revision 2026-07-28: server/discover, tools/list, tools/call, each with its headers and _meta; ..."""
    jsonrpc: Literal["2.0"]
    id: Union[str, int]  # a string or an integer; without one it is a notification
    method: str
    params: Dict[str, Any]

class RPCAnswer(TypedDict, total=False):
    """result or error"""
    jsonrpc: Literal["2.0"]
    id: Any
    result: Dict[str, Any]
    error: Dict[str, Any]

class Changes(TypedDict, total=False):
    data: List["Change"]
    next_cursor: str  # go on from here, now or later

class Change(TypedDict, total=False):
    position: str
    type: str
    at: str
    data: Dict[str, Any]

class Keys(TypedDict, total=False):
    data: List["StoredKey"]
    next_cursor: Union[str, None]

class StoredKey(TypedDict, total=False):
    id: str
    scopes: List[Literal["documents.read", "documents.write", "search", "recommend", "feedback.write", "users.read", "users.write", "embed", "train", "models", "events", "backup", "metrics", "collections", "keys", "admin"]]
    name: str
    description: str
    collections: List[str]  # the only ones that are there for it; none: all
    filter: str  # the only documents that are there for it, as in searches; empty: all
    addresses: List[str]  # IP addresses or ranges that it is taken from; none: any
    limits: "KeyLimits"  # its own in place of those of all keys; wider ones only of an admin. What a key makes takes of its limits too, ...
    expires: Union[str, None]  # null: never
    created: str
    updated: str
    created_by: str  # the key that made it: its id, or admin
    last_used: str  # to the second; absent: never
    old_secret_until: str  # while the secret before a rotation works too

KeyLimits = Union[Dict[str, Any], None]


class Key(TypedDict, total=False):
    scopes: List[Literal["documents.read", "documents.write", "search", "recommend", "feedback.write", "users.read", "users.write", "embed", "train", "models", "events", "backup", "metrics", "collections", "keys", "admin"]]
    name: str
    description: str
    collections: List[str]  # the only ones that are there for it; none: all
    filter: str  # the only documents that are there for it, as in searches; empty: all
    addresses: List[str]  # IP addresses or ranges that it is taken from; none: any
    limits: "KeyLimits"  # its own in place of those of all keys; wider ones only of an admin. What a key makes takes of its limits too, ...
    expires: Union[str, None]  # null: never

class NewKey(TypedDict, total=False):
    key: str  # the key itself, shown this once
    id: str
    scopes: List[Literal["documents.read", "documents.write", "search", "recommend", "feedback.write", "users.read", "users.write", "embed", "train", "models", "events", "backup", "metrics", "collections", "keys", "admin"]]
    name: str
    description: str
    collections: List[str]  # the only ones that are there for it; none: all
    filter: str  # the only documents that are there for it, as in searches; empty: all
    addresses: List[str]  # IP addresses or ranges that it is taken from; none: any
    limits: "KeyLimits"  # its own in place of those of all keys; wider ones only of an admin. What a key makes takes of its limits too, ...
    expires: Union[str, None]  # null: never
    created: str
    updated: str
    created_by: str  # the key that made it: its id, or admin
    last_used: str  # to the second; absent: never
    old_secret_until: str  # while the secret before a rotation works too

class KeyChange(TypedDict, total=False):
    scopes: List[Literal["documents.read", "documents.write", "search", "recommend", "feedback.write", "users.read", "users.write", "embed", "train", "models", "events", "backup", "metrics", "collections", "keys", "admin"]]
    name: str
    description: str
    collections: List[str]  # the only ones that are there for it; none: all
    filter: str  # the only documents that are there for it, as in searches; empty: all
    addresses: List[str]  # IP addresses or ranges that it is taken from; none: any
    limits: "KeyLimits"  # its own in place of those of all keys; wider ones only of an admin. What a key makes takes of its limits too, ...
    expires: Union[str, None]  # null: never

class KeyRotation(TypedDict, total=False):
    grace_seconds: int  # so long the secret before works too; 0: it is void at once

class Backup(TypedDict, total=False):
    path: str  # on the server's machine
    bytes: int
    position: str  # it holds all up to here

class Check(TypedDict, total=False):
    ok: bool  # nothing is wrong with what was checked
    digest: str  # of all documents with their revisions and vectors
    checks: List["CheckLine"]

class CheckLine(TypedDict, total=False):
    what: str  # "store", "documents", "graph" ...
    collection: str  # empty: it belongs to none
    version: int  # embedding version; 0: it belongs to none
    count: int  # how many `unit` there are
    unit: str
    state: Literal["ok", "wrong", "left out"]
    text: str  # a finding a line; or why it was left out
    next: str  # what to do about it

class Version(TypedDict, total=False):
    version: str
    commit: str
    api: str

class Problem(TypedDict, total=False):
    """RFC 9457"""
    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: List["Fault"]
    trace_id: str

class OpenAIError(TypedDict, total=False):
    error: Dict[str, Any]

class TEIError(TypedDict, total=False):
    error: str
    error_type: str
    trace_id: str

class RPCError(TypedDict, total=False):
    jsonrpc: Literal["2.0"]
    id: Any  # null where it is not known
    error: Dict[str, Any]
