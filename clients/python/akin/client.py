"""Made by tools/make_clients.py from /openapi.json; not edited by hand."""
from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Union

from . import types
from .http import Http, quote


class Akin(Http):
    """A server; each method is one route. Fields that are None are not sent."""

    def list_collections(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "types.Collections":
        """All collections, by name"""
        return self._ask("GET", "/v1/collections", query={"limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def create_collection(self, *, name: str, settings: Optional["types.CollectionSettings"] = None, model: Optional[str] = None, precision: Optional[Literal["auto", "fp32", "bf16", "int8"]] = None, dimensions: Optional[int] = None, idempotency_key: Optional[str] = None) -> "types.Collection":
        """Make a collection"""
        return self._ask("POST", "/v1/collections", headers={"Idempotency-Key": idempotency_key}, body={"name": name, "settings": settings, "model": model, "precision": precision, "dimensions": dimensions})  # type: ignore[no-any-return]

    def get_collection(self, collection: str) -> "types.Collection":
        """One collection, with its counts"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}")  # type: ignore[no-any-return]

    def update_collection(self, collection: str, *, passage_tokens: Optional[int] = None, overlap_tokens: Optional[int] = None, extra_fields: Optional[Literal["attributes", "error"]] = None, mapping: Optional["types.FieldMapping"] = None, synonyms: Optional[Union[List[Dict[str, Any]], None]] = None, stop_words: Optional[Union[List[str], None]] = None, feedback: Optional[Dict[str, Any]] = None, quota: Optional[Union[Dict[str, Any], None]] = None, training: Optional[Dict[str, Any]] = None, recommend: Optional[Dict[str, Any]] = None, tenant_field: Optional[Union[str, None]] = None, versions_kept: Optional[int] = None) -> "types.Collection":
        """Change settings of a collection"""
        return self._ask("PATCH", f"/v1/collections/{quote(collection)}", body={"passage_tokens": passage_tokens, "overlap_tokens": overlap_tokens, "extra_fields": extra_fields, "mapping": mapping, "synonyms": synonyms, "stop_words": stop_words, "feedback": feedback, "quota": quota, "training": training, "recommend": recommend, "tenant_field": tenant_field, "versions_kept": versions_kept}, media="application/merge-patch+json")  # type: ignore[no-any-return]

    def delete_collection(self, collection: str) -> None:
        """Delete a collection and all that is in it"""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}")  # type: ignore[no-any-return]

    def list_aliases(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "types.Aliases":
        """All aliases, by name"""
        return self._ask("GET", "/v1/aliases", query={"limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def swap_aliases(self, *, aliases: List["types.AliasSwap"], idempotency_key: Optional[str] = None) -> "types.Aliases":
        """Set, move and delete several aliases in one step: all or none, and every request sees all of it or nothing of it. Two collections trade places by ..."""
        return self._ask("POST", "/v1/aliases:swap", headers={"Idempotency-Key": idempotency_key}, body={"aliases": aliases})  # type: ignore[no-any-return]

    def get_alias(self, alias: str) -> "types.Alias":
        """One alias"""
        return self._ask("GET", f"/v1/aliases/{quote(alias)}")  # type: ignore[no-any-return]

    def put_alias(self, alias: str, *, collection: str) -> "types.Alias":
        """Make an alias, or move it to another collection. Every route that names a collection takes the alias too; a request stays with the collection that it ..."""
        return self._ask("PUT", f"/v1/aliases/{quote(alias)}", body={"collection": collection})  # type: ignore[no-any-return]

    def delete_alias(self, alias: str) -> None:
        """Delete an alias; the collection stays"""
        return self._ask("DELETE", f"/v1/aliases/{quote(alias)}")  # type: ignore[no-any-return]

    def list_embedding_versions(self, collection: str) -> "types.EmbeddingVersions":
        """The embedding versions of a collection"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/embedding-versions")  # type: ignore[no-any-return]

    def create_embedding_version(self, collection: str, *, model: Optional[str] = None, precision: Optional[Literal["auto", "fp32", "bf16", "int8"]] = None, dimensions: Optional[int] = None, idempotency_key: Optional[str] = None) -> "types.EmbeddingVersion":
        """Embed the collection with another model, or the same one otherwise, in the background. Nothing changes for readers until it is promoted."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/embedding-versions", headers={"Idempotency-Key": idempotency_key}, body={"model": model, "precision": precision, "dimensions": dimensions})  # type: ignore[no-any-return]

    def rollback_embedding_version(self, collection: str, *, idempotency_key: Optional[str] = None) -> "types.EmbeddingVersion":
        """Back to the version that was retired last"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/embedding-versions:rollback", headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def get_embedding_version(self, collection: str, version: str) -> "types.EmbeddingVersion":
        """One version, with its progress and how it compares"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/embedding-versions/{quote(version)}")  # type: ignore[no-any-return]

    def delete_embedding_version(self, collection: str, version: str) -> None:
        """Delete a version, or end its building"""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}/embedding-versions/{quote(version)}")  # type: ignore[no-any-return]

    def promote_embedding_version(self, collection: str, version: str, *, idempotency_key: Optional[str] = None) -> "types.EmbeddingVersion":
        """Make it the active one. Every request that begins after the answer uses it; no answer mixes two versions."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/embedding-versions/{quote(version)}:promote", headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def compare_embedding_version(self, collection: str, version: str, *, queries: Optional[List[str]] = None, judgments: Optional[List[Dict[str, Any]]] = None, idempotency_key: Optional[str] = None) -> "types.EmbeddingVersion":
        """Hold it against the active one: overlap and rank-biased overlap of exact search, latency, bytes, and nDCG with judgments. Without queries some are ..."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/embedding-versions/{quote(version)}:compare", headers={"Idempotency-Key": idempotency_key}, body={"queries": queries, "judgments": judgments})  # type: ignore[no-any-return]

    def list_recommenders(self, collection: str) -> "types.Recommenders":
        """What was trained from the collection's readers, and classifiers from its labels: the last five of each"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/recommenders")  # type: ignore[no-any-return]

    def train_recommender(self, collection: str, *, kind: Optional[Union[Literal["ease", "neighbours", "walks", "ials", "adapter", "classifier"], None]] = None, label: Optional[str] = None, min_probability: Optional[float] = None, seed: Optional[int] = None, held_out: Optional[float] = None, promote: Optional[bool] = None, wait: Optional[float] = None, idempotency_key: Optional[str] = None) -> "types.Task":
        """Train on the feedback that is there, in a process of its own. What is made is judged on readers that were held out, beside popularity, neighbours, ..."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/recommenders:train", query={"wait": wait}, headers={"Idempotency-Key": idempotency_key}, body={"kind": kind, "label": label, "min_probability": min_probability, "seed": seed, "held_out": held_out, "promote": promote})  # type: ignore[no-any-return]

    def rollback_recommender(self, collection: str, *, label: Optional[str] = None, idempotency_key: Optional[str] = None) -> "types.Recommender":
        """Back to the recommender that was retired last, or to the classifier of a label"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/recommenders:rollback", query={"label": label}, headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def get_recommender(self, collection: str, recommender: str) -> "types.Recommender":
        """One recommender, with its parameters, data and metrics"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/recommenders/{quote(recommender)}")  # type: ignore[no-any-return]

    def delete_recommender(self, collection: str, recommender: str) -> None:
        """Delete a recommender that is not the active one"""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}/recommenders/{quote(recommender)}")  # type: ignore[no-any-return]

    def promote_recommender(self, collection: str, recommender: str, *, idempotency_key: Optional[str] = None) -> "types.Recommender":
        """Make it the active one: every request that begins after the answer is served by it. 409: its file cannot be used; the active one stays."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/recommenders/{quote(recommender)}:promote", headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def retire_recommender(self, collection: str, recommender: str, *, idempotency_key: Optional[str] = None) -> "types.Recommender":
        """Serve without a trained recommender: by profiles and popularity"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/recommenders/{quote(recommender)}:retire", headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def list_tasks(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "types.Tasks":
        """Tasks, newest first"""
        return self._ask("GET", "/v1/tasks", query={"limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def get_task(self, task: str, *, wait: Optional[float] = None) -> "types.Task":
        """One task: how far it is, what came of it"""
        return self._ask("GET", f"/v1/tasks/{quote(task)}", query={"wait": wait})  # type: ignore[no-any-return]

    def cancel_task(self, task: str, *, idempotency_key: Optional[str] = None) -> "types.Task":
        """End a training, whether it is queued or runs. 409: it has ended"""
        return self._ask("POST", f"/v1/tasks/{quote(task)}:cancel", headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def list_documents(self, collection: str, *, limit: Optional[int] = None, cursor: Optional[str] = None, filter: Optional[str] = None, offset: Optional[int] = None, akin_min_position: Optional[str] = None) -> "types.Documents":
        """Documents in the order of their ids"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/documents", query={"limit": limit, "cursor": cursor, "filter": filter, "offset": offset}, headers={"Akin-Min-Position": akin_min_position})  # type: ignore[no-any-return]

    def add_documents(self, collection: str, body: Union["types.Document", List["types.Document"]], *, atomic: Optional[bool] = None, async_: Optional[bool] = None, idempotency_key: Optional[str] = None) -> "types.Rows":
        """Add or replace documents: one, an array, or a stream of lines (NDJSON). Acknowledged means stored, embedded and searchable. A batch is 200 with a ..."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/documents", query={"atomic": atomic, "async": async_}, headers={"Idempotency-Key": idempotency_key}, body=body)  # type: ignore[no-any-return]

    def delete_documents(self, collection: str, *, ids: Optional[List["types.Id"]] = None, filter: Optional[str] = None, idempotency_key: Optional[str] = None) -> "types.Rows":
        """Delete documents by their ids, or all that match a filter"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/documents:delete", headers={"Idempotency-Key": idempotency_key}, body={"ids": ids, "filter": filter})  # type: ignore[no-any-return]

    def get_documents(self, collection: str, *, ids: List["types.Id"], fields: Optional[List[str]] = None, akin_min_position: Optional[str] = None) -> "types.FetchedDocuments":
        """Documents by their ids: a row each, in the order asked, an id as often as it is asked for. An id that is not there is a row too (found: false). At ..."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/documents:get", headers={"Akin-Min-Position": akin_min_position}, body={"ids": ids, "fields": fields})  # type: ignore[no-any-return]

    def get_document(self, collection: str, id: str, *, if_none_match: Optional[str] = None, akin_min_position: Optional[str] = None) -> "types.StoredDocument":
        """One document"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/documents/{quote(id)}", headers={"If-None-Match": if_none_match, "Akin-Min-Position": akin_min_position})  # type: ignore[no-any-return]

    def put_document(self, collection: str, id: str, body: "types.Document", *, async_: Optional[bool] = None, if_match: Optional[str] = None, if_none_match: Optional[str] = None) -> "types.Row":
        """Add or replace one document"""
        return self._ask("PUT", f"/v1/collections/{quote(collection)}/documents/{quote(id)}", query={"async": async_}, headers={"If-Match": if_match, "If-None-Match": if_none_match}, body=body)  # type: ignore[no-any-return]

    def patch_document(self, collection: str, id: str, body: "types.MergePatch", *, async_: Optional[bool] = None, if_match: Optional[str] = None) -> "types.Row":
        """Change parts of a document (RFC 7396)"""
        return self._ask("PATCH", f"/v1/collections/{quote(collection)}/documents/{quote(id)}", query={"async": async_}, headers={"If-Match": if_match}, body=body, media="application/merge-patch+json")  # type: ignore[no-any-return]

    def delete_document(self, collection: str, id: str, *, if_match: Optional[str] = None) -> None:
        """Delete one document"""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}/documents/{quote(id)}", headers={"If-Match": if_match})  # type: ignore[no-any-return]

    def search(self, collection: str, *, q: Optional[str] = None, mode: Optional[Literal["hybrid", "semantic", "lexical"]] = None, match: Optional[Literal["any", "all"]] = None, prefix: Optional[bool] = None, typos: Optional[bool] = None, filter: Optional[str] = None, limit: Optional[int] = None, offset: Optional[int] = None, cursor: Optional[Union[str, None]] = None, min_score: Optional[float] = None, fusion: Optional[Literal["linear", "rrf", "minmax"]] = None, weights: Optional["types.Weights"] = None, user: Optional["types.Id"] = None, user_weight: Optional[float] = None, boosts: Optional[List["types.Boost"]] = None, facets: Optional[Union[str, List[Union[str, "types.Facet"]]]] = None, sort: Optional[Union[str, List[Union[str, "types.SortKey"]]]] = None, group_by: Optional[Union[str, "types.GroupBy"]] = None, duplicates: Optional[Literal["show", "hide"]] = None, exact: Optional[bool] = None, fields: Optional[List[str]] = None, snippet_length: Optional[int] = None, highlight: Optional["types.HighlightOptions"] = None, explain: Optional[bool] = None, akin_min_position: Optional[str] = None) -> "types.SearchAnswer":
        """Search, the request in a body"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/search", headers={"Akin-Min-Position": akin_min_position}, body={"q": q, "mode": mode, "match": match, "prefix": prefix, "typos": typos, "filter": filter, "limit": limit, "offset": offset, "cursor": cursor, "min_score": min_score, "fusion": fusion, "weights": weights, "user": user, "user_weight": user_weight, "boosts": boosts, "facets": facets, "sort": sort, "group_by": group_by, "duplicates": duplicates, "exact": exact, "fields": fields, "snippet_length": snippet_length, "highlight": highlight, "explain": explain})  # type: ignore[no-any-return]

    def multi_search(self, *, searches: List["types.CollectionSearch"], akin_min_position: Optional[str] = None) -> "types.MultiSearchAnswer":
        """Several searches in one request: each gets its answer or its problem, in their order"""
        return self._ask("POST", "/v1/multi-search", headers={"Akin-Min-Position": akin_min_position}, body={"searches": searches})  # type: ignore[no-any-return]

    def similar(self, collection: str, *, id: Optional["types.Id"] = None, ids: Optional[List["types.Id"]] = None, text: Optional[str] = None, vector: Optional[List[float]] = None, by: Optional[Literal["text", "readers", "both"]] = None, filter: Optional[str] = None, limit: Optional[int] = None, offset: Optional[int] = None, cursor: Optional[Union[str, None]] = None, exclude: Optional[List["types.Id"]] = None, min_score: Optional[float] = None, user: Optional["types.Id"] = None, user_weight: Optional[float] = None, boosts: Optional[List["types.Boost"]] = None, facets: Optional[Union[str, List[Union[str, "types.Facet"]]]] = None, sort: Optional[Union[str, List[Union[str, "types.SortKey"]]]] = None, group_by: Optional[Union[str, "types.GroupBy"]] = None, duplicates: Optional[Literal["show", "hide"]] = None, exact: Optional[bool] = None, fields: Optional[List[str]] = None, snippet_length: Optional[int] = None, explain: Optional[bool] = None, diversity: Optional[float] = None, akin_min_position: Optional[str] = None) -> "types.SearchAnswer":
        """What is like these documents, this text or this vector"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/similar", headers={"Akin-Min-Position": akin_min_position}, body={"id": id, "ids": ids, "text": text, "vector": vector, "by": by, "filter": filter, "limit": limit, "offset": offset, "cursor": cursor, "exclude": exclude, "min_score": min_score, "user": user, "user_weight": user_weight, "boosts": boosts, "facets": facets, "sort": sort, "group_by": group_by, "duplicates": duplicates, "exact": exact, "fields": fields, "snippet_length": snippet_length, "explain": explain, "diversity": diversity})  # type: ignore[no-any-return]

    def classify(self, collection: str, *, id: Optional["types.Id"] = None, text: Optional[str] = None, vector: Optional[List[float]] = None, label: Optional[str] = None, limit: Optional[int] = None, akin_min_position: Optional[str] = None) -> "types.ClassifyAnswer":
        """The labels of a text, a document or a vector, with probabilities, by the active classifiers. 409: none is active"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/classify", headers={"Akin-Min-Position": akin_min_position}, body={"id": id, "text": text, "vector": vector, "label": label, "limit": limit})  # type: ignore[no-any-return]

    def facet(self, collection: str, field: str, *, filter: Optional[str] = None, q: Optional[str] = None, limit: Optional[int] = None, duplicates: Optional[Literal["show", "hide"]] = None, stats: Optional[bool] = None, akin_min_position: Optional[str] = None) -> "types.FacetAnswer":
        """The values of a field, most frequent first"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/facets/{quote(field)}", query={"filter": filter, "q": q, "limit": limit, "duplicates": duplicates, "stats": stats}, headers={"Akin-Min-Position": akin_min_position})  # type: ignore[no-any-return]

    def recommend(self, collection: str, *, user: Optional["types.Id"] = None, session: Optional[List["types.Id"]] = None, positive: Optional[List["types.Id"]] = None, items: Optional[List["types.Id"]] = None, negative: Optional[List["types.Id"]] = None, text: Optional[str] = None, filter: Optional[str] = None, limit: Optional[int] = None, exclude: Optional[List["types.Id"]] = None, exclude_seen: Optional[Union[bool, List[str], str]] = None, min_relevance: Optional[float] = None, pins: Optional[List["types.Pin"]] = None, caps: Optional[List["types.Cap"]] = None, boosts: Optional[List["types.RecommendBoost"]] = None, freshness: Optional["types.Freshness"] = None, fatigue: Optional[float] = None, diversity: Optional[float] = None, explore: Optional[float] = None, blend: Optional[str] = None, ranker: Optional[bool] = None, scenario: Optional[str] = None, fields: Optional[List[str]] = None, explain: Optional[bool] = None, offset: Optional[int] = None, cursor: Optional[Union[str, None]] = None, akin_min_position: Optional[str] = None) -> "types.RecommendAnswer":
        """What a reader should see next"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/recommend", headers={"Akin-Min-Position": akin_min_position}, body={"user": user, "session": session, "positive": positive, "items": items, "negative": negative, "text": text, "filter": filter, "limit": limit, "exclude": exclude, "exclude_seen": exclude_seen, "min_relevance": min_relevance, "pins": pins, "caps": caps, "boosts": boosts, "freshness": freshness, "fatigue": fatigue, "diversity": diversity, "explore": explore, "blend": blend, "ranker": ranker, "scenario": scenario, "fields": fields, "explain": explain, "offset": offset, "cursor": cursor})  # type: ignore[no-any-return]

    def recommend_batch(self, collection: str, *, users: List["types.Id"], filter: Optional[str] = None, limit: Optional[int] = None, exclude: Optional[List["types.Id"]] = None, exclude_seen: Optional[Union[bool, List[str], str]] = None, min_relevance: Optional[float] = None, pins: Optional[List["types.Pin"]] = None, caps: Optional[List["types.Cap"]] = None, boosts: Optional[List["types.RecommendBoost"]] = None, freshness: Optional["types.Freshness"] = None, fatigue: Optional[float] = None, diversity: Optional[float] = None, explore: Optional[float] = None, blend: Optional[str] = None, ranker: Optional[bool] = None, scenario: Optional[str] = None, fields: Optional[List[str]] = None, explain: Optional[bool] = None, akin_min_position: Optional[str] = None) -> "types.RecommendBatchAnswer":
        """A list for each of up to 100 users, by the same rules: each gets its answer or its problem, in their order"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/recommend:batch", headers={"Akin-Min-Position": akin_min_position}, body={"users": users, "filter": filter, "limit": limit, "exclude": exclude, "exclude_seen": exclude_seen, "min_relevance": min_relevance, "pins": pins, "caps": caps, "boosts": boosts, "freshness": freshness, "fatigue": fatigue, "diversity": diversity, "explore": explore, "blend": blend, "ranker": ranker, "scenario": scenario, "fields": fields, "explain": explain})  # type: ignore[no-any-return]

    def document_readers(self, collection: str, id: str, *, limit: Optional[int] = None, include_seen: Optional[bool] = None, active_days: Optional[float] = None, akin_min_position: Optional[str] = None) -> "types.DocumentReaders":
        """Who would like this document: readers by what they did lately, best first"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/documents/{quote(id)}/readers", query={"limit": limit, "include_seen": include_seen, "active_days": active_days}, headers={"Akin-Min-Position": akin_min_position})  # type: ignore[no-any-return]

    def add_feedback(self, collection: str, body: Union["types.Feedback", List["types.Feedback"]], *, atomic: Optional[bool] = None, create: Optional[bool] = None, idempotency_key: Optional[str] = None) -> "types.Rows":
        """What readers did; each row is judged alone"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/feedback", query={"atomic": atomic, "create": create}, headers={"Idempotency-Key": idempotency_key}, body=body)  # type: ignore[no-any-return]

    def list_feedback(self, collection: str, *, limit: Optional[int] = None, cursor: Optional[str] = None, user: Optional[str] = None, document: Optional[str] = None) -> "types.FeedbackList":
        """What readers did, newest first"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/feedback", query={"limit": limit, "cursor": cursor, "user": user, "document": document})  # type: ignore[no-any-return]

    def put_user(self, collection: str, id: str, *, attributes: Optional[Dict[str, Any]] = None, labels: Optional[List[str]] = None) -> "types.StoredUser":
        """Describe a user"""
        return self._ask("PUT", f"/v1/collections/{quote(collection)}/users/{quote(id)}", body={"attributes": attributes, "labels": labels})  # type: ignore[no-any-return]

    def get_user(self, collection: str, id: str) -> "types.StoredUser":
        """One user"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/users/{quote(id)}")  # type: ignore[no-any-return]

    def delete_user(self, collection: str, id: str) -> None:
        """Forget a user: their feedback, the answers that they got, the scores that were brought for them, their name in the change feed. Models that know them ..."""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}/users/{quote(id)}")  # type: ignore[no-any-return]

    def export_user(self, collection: str, id: str, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "types.UserExport":
        """All that is held of a user: who they are, the scores that were brought for them, what they did, and then what they were shown, newest first"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/users/{quote(id)}:export", query={"limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def user_recommendations(self, collection: str, id: str, *, filter: Optional[str] = None, limit: Optional[int] = None, exclude: Optional[List["types.Id"]] = None, exclude_seen: Optional[Union[bool, List[str], str]] = None, min_relevance: Optional[float] = None, pins: Optional[List["types.Pin"]] = None, caps: Optional[List["types.Cap"]] = None, boosts: Optional[List["types.RecommendBoost"]] = None, freshness: Optional["types.Freshness"] = None, fatigue: Optional[float] = None, diversity: Optional[float] = None, explore: Optional[float] = None, blend: Optional[str] = None, ranker: Optional[bool] = None, scenario: Optional[str] = None, fields: Optional[List[str]] = None, explain: Optional[bool] = None, offset: Optional[int] = None, cursor: Optional[str] = None, akin_min_position: Optional[str] = None) -> "types.RecommendAnswer":
        """What this user should see next"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/users/{quote(id)}/recommendations", query={"filter": filter, "limit": limit, "exclude": exclude, "exclude_seen": exclude_seen, "min_relevance": min_relevance, "pins": pins, "caps": caps, "boosts": boosts, "freshness": freshness, "fatigue": fatigue, "diversity": diversity, "explore": explore, "blend": blend, "ranker": ranker, "scenario": scenario, "fields": fields, "explain": explain, "offset": offset, "cursor": cursor}, headers={"Akin-Min-Position": akin_min_position})  # type: ignore[no-any-return]

    def list_experiments(self, collection: str) -> "types.Experiments":
        """All experiments of a collection"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/experiments")  # type: ignore[no-any-return]

    def create_experiment(self, collection: str, *, name: str, variants: List["types.ExperimentVariant"], scenario: Optional[str] = None, metric: Optional[Literal["click_through", "conversion"]] = None, idempotency_key: Optional[str] = None) -> "types.StoredExperiment":
        """Describe an experiment; it does nothing until it is started"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/experiments", headers={"Idempotency-Key": idempotency_key}, body={"name": name, "variants": variants, "scenario": scenario, "metric": metric})  # type: ignore[no-any-return]

    def get_experiment(self, collection: str, experiment: str) -> "types.StoredExperiment":
        """One experiment, with what came out of it so far. Only feedback that names a recommendation counts, for a document that stood in it, within seven days."""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/experiments/{quote(experiment)}")  # type: ignore[no-any-return]

    def put_experiment(self, collection: str, experiment: str, *, variants: List["types.ExperimentVariant"], scenario: Optional[str] = None, metric: Optional[Literal["click_through", "conversion"]] = None) -> "types.StoredExperiment":
        """Make or replace a draft; of one that runs, change the weights. Then readers between the old and the new bounds of the shares move to the neighbouring ..."""
        return self._ask("PUT", f"/v1/collections/{quote(collection)}/experiments/{quote(experiment)}", body={"variants": variants, "scenario": scenario, "metric": metric})  # type: ignore[no-any-return]

    def delete_experiment(self, collection: str, experiment: str) -> None:
        """Delete an experiment, running or not"""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}/experiments/{quote(experiment)}")  # type: ignore[no-any-return]

    def start_experiment(self, collection: str, experiment: str, *, idempotency_key: Optional[str] = None) -> "types.StoredExperiment":
        """From now on requests of its scenario are served in its variants: a reader always in the same, those without a user as they are. At most one runs in a ..."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/experiments/{quote(experiment)}:start", headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def stop_experiment(self, collection: str, experiment: str, *, idempotency_key: Optional[str] = None) -> "types.StoredExperiment":
        """Requests are served as they are; its numbers stay"""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/experiments/{quote(experiment)}:stop", headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def recommendation_stats(self, collection: str, *, by: Optional[List[Literal["day", "scenario", "model", "variant"]]] = None, from_: Optional[str] = None, to: Optional[str] = None) -> "types.RecommendationStatsList":
        """What became of recommendations: click-through, conversion and coverage, by day, scenario, model and variant"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/recommendations/stats", query={"by": by, "from": from_, "to": to})  # type: ignore[no-any-return]

    def recommendation_estimate(self, collection: str, *, recommender: Optional[int] = None, blend: Optional[str] = None, scenario: Optional[str] = None, filter: Optional[str] = None, metric: Optional[Literal["click_through", "conversion"]] = None, from_: Optional[str] = None, to: Optional[str] = None) -> "types.RecommendationEstimate":
        """What another recommender or blend would have earned, from answers that were explored (`explore` in their requests) and the feedback that names them: ..."""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/recommendations/estimate", query={"recommender": recommender, "blend": blend, "scenario": scenario, "filter": filter, "metric": metric, "from": from_, "to": to})  # type: ignore[no-any-return]

    def list_score_sources(self, collection: str) -> "types.ScoreSources":
        """The sources of uploaded scores"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/scores")  # type: ignore[no-any-return]

    def upload_scores(self, collection: str, source: str, body: List["types.ReaderScores"], *, idempotency_key: Optional[str] = None) -> "types.ScoresResults":
        """Scores that your own algorithm made, of many readers, each in place of what was there. They are candidates, and brought.SOURCE in score expressions."""
        return self._ask("POST", f"/v1/collections/{quote(collection)}/scores/{quote(source)}", headers={"Idempotency-Key": idempotency_key}, body=body)  # type: ignore[no-any-return]

    def delete_score_source(self, collection: str, source: str) -> None:
        """Delete a source: the scores of all readers"""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}/scores/{quote(source)}")  # type: ignore[no-any-return]

    def get_scores_of_all(self, collection: str, source: str) -> "types.StoredScores":
        """The scores for all readers, which count where a reader's own say nothing"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/scores/{quote(source)}/all")  # type: ignore[no-any-return]

    def put_scores_of_all(self, collection: str, source: str, *, scores: List["types.Score"]) -> "types.ScoresKept":
        """Upload the scores for all readers, which count where a reader's own say nothing, in place of what was there"""
        return self._ask("PUT", f"/v1/collections/{quote(collection)}/scores/{quote(source)}/all", body={"scores": scores})  # type: ignore[no-any-return]

    def delete_scores_of_all(self, collection: str, source: str) -> None:
        """Delete the scores for all readers, which count where a reader's own say nothing"""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}/scores/{quote(source)}/all")  # type: ignore[no-any-return]

    def get_scores_of_user(self, collection: str, source: str, id: str) -> "types.StoredScores":
        """The scores of one reader"""
        return self._ask("GET", f"/v1/collections/{quote(collection)}/scores/{quote(source)}/users/{quote(id)}")  # type: ignore[no-any-return]

    def put_scores_of_user(self, collection: str, source: str, id: str, *, scores: List["types.Score"]) -> "types.ScoresKept":
        """Upload the scores of one reader, in place of what was there"""
        return self._ask("PUT", f"/v1/collections/{quote(collection)}/scores/{quote(source)}/users/{quote(id)}", body={"scores": scores})  # type: ignore[no-any-return]

    def delete_scores_of_user(self, collection: str, source: str, id: str) -> None:
        """Delete the scores of one reader"""
        return self._ask("DELETE", f"/v1/collections/{quote(collection)}/scores/{quote(source)}/users/{quote(id)}")  # type: ignore[no-any-return]

    def create_embeddings(self, *, input: Union[str, List[str], List[int], List[List[int]]], model: Optional[str] = None, encoding_format: Optional[Union[Literal["float", "base64"], None]] = None, dimensions: Optional[Union[int, None]] = None, on_overflow: Optional[Union[Literal["error", "split", "truncate"], None]] = None, input_type: Optional[Union[Literal["query", "passage", "document"], None]] = None, user: Optional[Union[str, None]] = None) -> "types.EmbeddingsAnswer":
        """Vectors of texts, as OpenAI has it"""
        return self._ask("POST", "/v1/embeddings", body={"input": input, "model": model, "encoding_format": encoding_format, "dimensions": dimensions, "on_overflow": on_overflow, "input_type": input_type, "user": user})  # type: ignore[no-any-return]

    def list_models(self) -> "types.Models":
        """The models that are served"""
        return self._ask("GET", "/v1/models")  # type: ignore[no-any-return]

    def get_model(self, model: str) -> "types.Model":
        """One model, by its name or an alias"""
        return self._ask("GET", f"/v1/models/{quote(model)}")  # type: ignore[no-any-return]

    def embed_at_root(self, *, inputs: Union[str, List[str]], truncate: Optional[bool] = None, truncation_direction: Optional[Union[Literal["Right", "right"], None]] = None, prompt_name: Optional[Union[Literal["query", "passage", "document"], None]] = None, dimensions: Optional[Union[int, None]] = None, normalize: Optional[bool] = None) -> List[List[float]]:
        """The same as /embed: where clients of TEI ask that were given an address and no path"""
        return self._ask("POST", "/", body={"inputs": inputs, "truncate": truncate, "truncation_direction": truncation_direction, "prompt_name": prompt_name, "dimensions": dimensions, "normalize": normalize})  # type: ignore[no-any-return]

    def embed(self, *, inputs: Union[str, List[str]], truncate: Optional[bool] = None, truncation_direction: Optional[Union[Literal["Right", "right"], None]] = None, prompt_name: Optional[Union[Literal["query", "passage", "document"], None]] = None, dimensions: Optional[Union[int, None]] = None, normalize: Optional[bool] = None) -> List[List[float]]:
        """Vectors of texts, as TEI has it"""
        return self._ask("POST", "/embed", body={"inputs": inputs, "truncate": truncate, "truncation_direction": truncation_direction, "prompt_name": prompt_name, "dimensions": dimensions, "normalize": normalize})  # type: ignore[no-any-return]

    def embed_all(self, *, inputs: Union[str, List[str]], truncate: Optional[bool] = None, truncation_direction: Optional[Union[Literal["Right", "right"], None]] = None, prompt_name: Optional[Union[Literal["query", "passage", "document"], None]] = None) -> List[List[List[float]]]:
        """A vector for each token of texts, as TEI has it"""
        return self._ask("POST", "/embed_all", body={"inputs": inputs, "truncate": truncate, "truncation_direction": truncation_direction, "prompt_name": prompt_name})  # type: ignore[no-any-return]

    def similarity(self, *, inputs: Dict[str, Any], parameters: Optional[Union[Dict[str, Any], None]] = None) -> List[float]:
        """Cosines of texts to one text, as TEI has it"""
        return self._ask("POST", "/similarity", body={"inputs": inputs, "parameters": parameters})  # type: ignore[no-any-return]

    def tokenize(self, *, inputs: Union[str, List[str]], add_special_tokens: Optional[bool] = None, prompt_name: Optional[Union[Literal["query", "passage", "document"], None]] = None) -> List[List["types.TEIToken"]]:
        """What the model reads of a text"""
        return self._ask("POST", "/tokenize", body={"inputs": inputs, "add_special_tokens": add_special_tokens, "prompt_name": prompt_name})  # type: ignore[no-any-return]

    def decode(self, *, ids: Union[List[int], List[List[int]]], skip_special_tokens: Optional[bool] = None) -> List[str]:
        """Texts of token ids"""
        return self._ask("POST", "/decode", body={"ids": ids, "skip_special_tokens": skip_special_tokens})  # type: ignore[no-any-return]

    def info(self) -> "types.TEIInfo":
        """The default model, as TEI has it"""
        return self._ask("GET", "/info")  # type: ignore[no-any-return]

    def health(self) -> "types.State":
        """Ready to serve, as TEI's probes ask it: /readyz under another name"""
        return self._ask("GET", "/health")  # type: ignore[no-any-return]

    def mcp(self, body: "types.RPCRequest") -> "types.RPCAnswer":
        """The Model Context Protocol: tools for models, each a route of this server under another name (search, similar, recommend, get_document, add_document, ..."""
        return self._ask("POST", "/mcp", body=body)  # type: ignore[no-any-return]

    def list_changes(self, *, cursor: Optional[str] = None, limit: Optional[int] = None) -> "types.Changes":
        """Everything that changed, in commit order; the cursor is a position and can be kept"""
        return self._ask("GET", "/v1/changes", query={"cursor": cursor, "limit": limit})  # type: ignore[no-any-return]

    def list_keys(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "types.Keys":
        """The keys that may do no more than the one that asks; never their secrets"""
        return self._ask("GET", "/v1/keys", query={"limit": limit, "cursor": cursor})  # type: ignore[no-any-return]

    def create_key(self, *, scopes: List[Literal["documents.read", "documents.write", "search", "recommend", "feedback.write", "users.read", "users.write", "embed", "train", "models", "events", "backup", "metrics", "collections", "keys", "admin"]], name: Optional[str] = None, description: Optional[str] = None, collections: Optional[List[str]] = None, filter: Optional[str] = None, addresses: Optional[List[str]] = None, limits: Optional["types.KeyLimits"] = None, expires: Optional[Union[str, None]] = None, idempotency_key: Optional[str] = None) -> "types.NewKey":
        """Make a key. The answer is the only place where it is ever shown. 403 with the field: it would be wider than the key that asks."""
        return self._ask("POST", "/v1/keys", headers={"Idempotency-Key": idempotency_key}, body={"scopes": scopes, "name": name, "description": description, "collections": collections, "filter": filter, "addresses": addresses, "limits": limits, "expires": expires})  # type: ignore[no-any-return]

    def get_key(self, key: str) -> "types.StoredKey":
        """What a key allows, and when it was used"""
        return self._ask("GET", f"/v1/keys/{quote(key)}")  # type: ignore[no-any-return]

    def update_key(self, key: str, *, scopes: Optional[List[Literal["documents.read", "documents.write", "search", "recommend", "feedback.write", "users.read", "users.write", "embed", "train", "models", "events", "backup", "metrics", "collections", "keys", "admin"]]] = None, name: Optional[str] = None, description: Optional[str] = None, collections: Optional[List[str]] = None, filter: Optional[str] = None, addresses: Optional[List[str]] = None, limits: Optional["types.KeyLimits"] = None, expires: Optional[Union[str, None]] = None) -> "types.StoredKey":
        """Change what a key allows, from the answer on; its secret stays"""
        return self._ask("PATCH", f"/v1/keys/{quote(key)}", body={"scopes": scopes, "name": name, "description": description, "collections": collections, "filter": filter, "addresses": addresses, "limits": limits, "expires": expires}, media="application/merge-patch+json")  # type: ignore[no-any-return]

    def delete_key(self, key: str) -> None:
        """Revoke a key: from the answer on it is not taken any more; those that it made (created_by) stay, within its limits, until they are deleted"""
        return self._ask("DELETE", f"/v1/keys/{quote(key)}")  # type: ignore[no-any-return]

    def rotate_key(self, key: str, *, grace_seconds: Optional[int] = None, idempotency_key: Optional[str] = None) -> "types.NewKey":
        """A new secret for a key, shown this once; the one before works for the grace time too"""
        return self._ask("POST", f"/v1/keys/{quote(key)}:rotate", headers={"Idempotency-Key": idempotency_key}, body={"grace_seconds": grace_seconds})  # type: ignore[no-any-return]

    def create_backup(self, *, idempotency_key: Optional[str] = None) -> "types.Backup":
        """Write a consistent copy into the data directory's backups/, while all else goes on. It is checked before it is there."""
        return self._ask("POST", "/v1/backups", headers={"Idempotency-Key": idempotency_key})  # type: ignore[no-any-return]

    def create_check(self) -> "types.Check":
        """Is the store whole, and does every index hold exactly what it holds? Reads everything, in the background, while all else goes on; what would hold up ..."""
        return self._ask("POST", "/v1/checks")  # type: ignore[no-any-return]

    def live(self) -> "types.State":
        """The process answers"""
        return self._ask("GET", "/livez")  # type: ignore[no-any-return]

    def ready(self) -> "types.State":
        """Ready to serve; 503 while starting and stopping"""
        return self._ask("GET", "/readyz")  # type: ignore[no-any-return]

    def metrics(self) -> str:
        """Metrics in the Prometheus text format"""
        return self._ask("GET", "/metrics")  # type: ignore[no-any-return]

    def version(self) -> "types.Version":
        """What runs here"""
        return self._ask("GET", "/version")  # type: ignore[no-any-return]
