"""Every due operation of the apps, sent as they send it, in one story of a shop owner who learns."""

import hashlib
from datetime import timedelta
from uuid import uuid4

import pytest

from auth.codes import DEMO_CODE
from kit.clock import FrozenClock, day_of
from kit.ids import from_global, new_id, to_global
from kit.words import OutletTier, Role, SuspicionKind
from models.accounts import Member
from models.live import LiveLesson
from models.outlets import Post, Region
from models.rewards import Redemption
from models.suspicions import Suspicion
from services.day_totals import count_days
from services.draws import DrawPlan, PrizePlan, create_prize_draw
from services.privacy_export import make_exports
from services.reports import make_reports
from services.rewards import RewardPlan, create_reward
from tests.contract.live import holds_a_live_lesson
from tests.contract.sender import Phone
from tests.documents import OPERATIONS
from tests.gql import Gql
from tests.uploads.files import FILMS, PNG, uploaded
from tests.world import World
from workers.relay import drain


@pytest.fixture
def sent() -> set[str]:
    return set()


async def test_every_operation_is_answered(gql: Gql, world: World, clock: FrozenClock, sent: set[str]) -> None:
    station = await world.region(parent=await world.region("东莞"))
    shop, second = [await world.outlet(name, region=station, tier=OutletTier.MODERN) for name in ("好又来", "好再来")]
    owner = await world.learner("阿May", outlet=shop, phone="+8613900000001")
    await world.post(owner, second)
    course = await world.course("陈列入门", lessons=2, seconds=60)
    phone = Phone(gql, owner, sent)

    await _signs_in(Phone(gql, None, sent), world)
    await _looks_around(phone, course.gid)
    clock.advance(timedelta(minutes=5))  # nothing counts from before one joined
    await _learns(phone, course.gid, course.lesson_gids)
    await _plays(phone, world)
    await drain(world.ports)
    await _opens_the_app(phone, await world.live_lesson("旺季陈列"), clock)
    await _looks_at_boards(phone)
    await _minds_the_shops(phone, owner, [shop.name, second.name])
    await _tells_a_story(phone, Phone(gql, await world.staff(Role.ADMIN), sent), await world.learner("小陈"))
    await _goes_to_a_class(phone, Phone(gql, await world.staff(Role.ADMIN), sent), world, clock)
    await _runs_the_game(Phone(gql, await world.staff(Role.ADMIN), sent), owner, clock)
    await _makes_a_course(
        Phone(gql, await world.learner("小林"), sent), Phone(gql, await world.staff(Role.ADMIN), sent), world
    )
    await holds_a_live_lesson(phone, Phone(gql, await world.staff(Role.ADMIN), sent), world, clock)
    await _looks_back(Phone(gql, await world.staff(Role.ADMIN), sent), course.gid, clock)
    await _decides_on_data(phone)
    await _leaves(phone)
    await _goes_for_good(Phone(gql, await world.learner("小王"), sent))
    await _looks_after_people(Phone(gql, await world.staff(Role.ADMIN, station.parent), sent), owner, station)

    assert sent == set(OPERATIONS)


async def _signs_in(phone: Phone, world: World) -> None:
    device = {"deviceId": "d1", "deviceName": "一号手机"}
    await phone.do("RequestSignInCode", phone="+8613900000001", deviceId="d1")
    signed_in = await phone.do("SignInWithCode", phone="+8613900000001", code=DEMO_CODE, **device)
    assert (signed_in["viewer"]["displayName"], signed_in["viewer"]["roles"]) == ("阿May", ["LEARNER"])
    renewed = await phone.do("RefreshSession", refreshToken=signed_in["session"]["refreshToken"])
    assert renewed["session"]["accessToken"] != signed_in["session"]["accessToken"]

    chief = await world.member("站长", phone="+8613900000002", password="correct horse battery")
    by_password = await phone.do(
        "SignInWithPassword", phone="+8613900000002", password="correct horse battery", **device
    )
    assert by_password["viewer"]["displayName"] == chief.display_name


async def _looks_around(phone: Phone, course: str) -> None:
    assert [module["courseCount"] for module in (await phone.ask("Modules"))["modules"]] == [1]
    listed = (await phone.ask("CourseList", filter={"text": "陈列"}, sort="POPULAR"))["courses"]
    assert (listed["totalCount"], listed["nodes"][0]["id"]) == (1, course)
    detail = (await phone.ask("CourseDetail", id=course))["course"]
    assert [lesson["locked"] for lesson in detail["lessons"]] == [False, True]
    assert len((await phone.ask("Levels"))["levels"]) == 10
    assert (await phone.ask("PointRules"))["pointRules"]


async def _learns(phone: Phone, course: str, lessons: list[str]) -> None:
    now = phone.gql.ports.clock.now()
    events = [
        {
            "eventId": str(uuid4()), "lessonId": lesson, "kind": "WATCHED", "playbackRate": 1,
            "occurredAt": (now - timedelta(minutes=5 - number)).isoformat(),
            "spans": [{"fromSeconds": 0, "toSeconds": 60}],
        }
        for number, lesson in enumerate(lessons)
    ]  # fmt: skip
    reported = await phone.do("ReportProgress", sentAt=now.isoformat(), events=events)
    assert [result["status"] for result in reported["results"]] == ["ACCEPTED", "ACCEPTED"]
    assert reported["viewer"]["points"]["lifetime"] > 0
    [learned] = (await phone.ask("MyLearning", state="COMPLETED"))["viewer"]["learning"]["nodes"]
    assert (learned["percent"], learned["course"]["id"]) == (100, course)
    assert (await phone.do("RateCourse", courseId=course, stars=5, comment="好"))["course"]["viewerRating"] == 5
    history = (await phone.ask("PointsHistory"))["viewer"]["pointEntries"]
    assert history["totalCount"] == len(reported["awards"]) + 1  # and the rating
    mine = (await phone.first("MyPoints"))["myPoints"]
    assert mine["viewer"]["points"]["balance"] == history["nodes"][0]["balanceAfter"]


async def _plays(phone: Phone, world: World) -> None:
    ports, admin = world.ports, await world.actor(await world.staff(Role.ADMIN))
    now = ports.clock.now()
    await create_reward(ports, admin, RewardPlan("保温杯", "", 20, 5))
    prizes = (PrizePlan("电饭煲", 1),)
    await create_prize_draw(ports, admin, DrawPlan("抽奖", now, now + timedelta(days=1), 5, 3, prizes))

    game = (await phone.ask("MyGame"))["viewer"]
    assert (game["streak"]["days"], game["streak"]["learnedToday"]) == (1, True)
    [task] = [each for each in game["tasks"] if each["code"] == "daily.lesson"]
    claimed = await phone.do("ClaimTask", taskId=task["id"])
    assert [award["points"] for award in claimed["awards"]] == [task["rewardPoints"]]
    [again] = [each for each in (await phone.ask("MyGame"))["viewer"]["tasks"] if each["id"] == task["id"]]
    assert again["claimedAt"] == claimed["task"]["claimedAt"]

    [reward] = (await phone.ask("Rewards"))["rewards"]["nodes"]
    bought = await phone.do("RedeemReward", rewardId=reward["id"], idempotencyKey=str(uuid4()))
    assert bought["redemption"]["reward"]["stockLeft"] == reward["stockLeft"] - 1
    [mine] = (await phone.ask("MyRedemptions"))["viewer"]["redemptions"]["nodes"]
    assert (mine["id"], mine["code"]) == (bought["redemption"]["id"], bought["redemption"]["code"])

    [draw] = (await phone.ask("PrizeDraws"))["prizeDraws"]["nodes"]
    entry = {"prizeDrawId": draw["id"], "tickets": 2, "idempotencyKey": str(uuid4())}
    assert (await phone.do("EnterPrizeDraw", **entry))["prizeDraw"]["viewerTickets"] == 2


async def _opens_the_app(phone: Phone, live: LiveLesson, clock: FrozenClock) -> None:
    home = await phone.ask("Home")
    assert (home["viewer"]["displayName"], home["viewer"]["streak"]["days"]) == ("阿May", 1)
    assert [each["id"] for each in home["liveLessons"]["nodes"]] == [to_global("LiveLesson", live.id)]
    assert home["honourBoard"]["viewerStanding"]["rank"] == 1
    unread = home["viewer"]["unreadNoticeCount"]
    notices = (await phone.ask("Notices"))["viewer"]["notices"]["nodes"]
    assert len([each for each in notices if each["readAt"] is None]) == unread > 0
    read = await phone.do("MarkNoticesRead", noticeIds=[notices[0]["id"]])
    assert read["viewer"]["unreadNoticeCount"] == unread - 1
    rest = await phone.do("MarkNoticesRead", upTo=clock.now().isoformat())
    assert rest["viewer"]["unreadNoticeCount"] == 0
    device = {"deviceId": "d1", "provider": "JPUSH", "token": "160a3797c8ae473c"}
    assert (await phone.do("RegisterPushDevice", **device))["registered"] is True


async def _looks_at_boards(phone: Phone) -> None:
    board = (await phone.ask("HonourBoard", metric="POINTS", period="WEEK"))["honourBoard"]
    [line] = board["standings"]["nodes"]
    assert (line["rank"], line["subject"]["displayName"]) == (1, "阿May")
    assert board["viewerStanding"]["score"] == line["score"]
    page = (await phone.ask("BoardPage", boardId=board["id"], first=5))["node"]
    assert page["standings"]["nodes"] == board["standings"]["nodes"]
    subject = [line["subject"]["id"]]
    [asked] = (await phone.ask("Standings", boardId=board["id"], subjectIds=subject))["node"]["standingsOf"]
    assert asked["score"] == line["score"]
    outlet = (await phone.ask("BoardScopes"))["viewer"]["outlet"]
    assert [region["name"] for region in outlet["region"]["ancestors"]] == ["东莞"]
    moved = (await phone.first("BoardMoved", boardId=board["id"]))["honourBoardMoved"]
    assert [standing["score"] for standing in moved["standings"]] == [line["score"]]


async def _minds_the_shops(phone: Phone, owner: Member, names: list[str]) -> None:
    [first, second] = sorted((await phone.ask("MyOutlets"))["viewer"]["outlets"], key=lambda post: not post["current"])
    assert {first["outlet"]["name"], second["outlet"]["name"]} == set(names)
    current = await phone.do("SetCurrentOutlet", outletId=second["outlet"]["id"])
    assert current["viewer"]["outlet"]["id"] == second["outlet"]["id"]
    await phone.do("SetCurrentOutlet", outletId=first["outlet"]["id"])
    clerk = (await phone.do("AddClerk", outletId=first["outlet"]["id"], phone="+8613900000003", name="小李"))["member"]
    removed = await phone.do("RemoveClerk", outletId=first["outlet"]["id"], memberId=clerk["id"])
    assert removed["removed"] is True
    changed = await phone.do("UpdateProfile", displayName="May姐", hiddenOnBoards=True)
    assert (changed["viewer"]["displayName"], changed["viewer"]["hiddenOnBoards"]) == ("May姐", True)
    moved = await phone.do("ChangePhone", newPhone="+8613900000009", codeFromOld=DEMO_CODE, codeFromNew=DEMO_CODE)
    assert moved["viewer"]["maskedPhone"].endswith("0009")
    assert (await phone.ask("Outlets", filter={"text": "好"}))["outlets"]["nodes"] is not None
    assert (await phone.ask("Regions"))["regions"]["nodes"] is not None


async def _looks_after_people(console: Phone, owner: Member, station: Region) -> None:
    member = to_global("Member", owner.id)
    [node] = (await console.ask("Members", filter={"text": "+8613900000009"}))["members"]["nodes"]
    assert (node["id"], node["roles"], node["maskedPhone"][-4:]) == (member, ["LEARNER"], "0009")
    assert (await console.do("RevealPhone", memberId=member, reason="送货"))["phone"] == "+8613900000009"
    role = {"memberId": member, "role": "SUPERVISOR", "regionId": to_global("Region", station.id)}
    assert (await console.do("GrantRole", **role))["member"]["roles"] == ["LEARNER", "SUPERVISOR"]
    assert (await console.do("RevokeRole", **role))["member"]["roles"] == ["LEARNER"]
    shut = {"memberId": member, "reason": "试一试"}
    assert (await console.do("SuspendMember", suspended=True, **shut))["member"]["suspendedAt"] is not None
    assert (await console.do("SuspendMember", suspended=False, **shut))["member"]["suspendedAt"] is None
    assert console.owner is not None
    sheet = f"code,name,region,tier,segment,owner_name,owner_phone\nN1,新店,{station.code},NEW,1,小陈,13900000011\n"
    upload = await uploaded(console.gql, console.owner, sheet.encode(), "text/csv")
    assert (await console.do("ImportOutlets", uploadId=upload, dryRun=True))["created"] == 1
    assert (await console.do("ImportOutlets", uploadId=upload, dryRun=False))["created"] == 1
    log = (await console.ask("AuditLog"))["auditLog"]["nodes"]
    assert [entry["action"] for entry in log[:2]] == ["outlets.imported", "member.suspension_lifted"]
    assert log[1]["object"] == {"__typename": "Member", "id": member}


async def _tells_a_story(phone: Phone, console: Phone, reader: Member) -> None:
    now = phone.gql.ports.clock.now()
    assert phone.owner is not None
    made = await console.do(
        "CreateStoryCampaign", title="我的小店故事", brief="讲一讲", votesPerDay=2, voteWeight=60,
        opensAt=now.isoformat(), closesAt=(now + timedelta(days=7)).isoformat(),
        juryIds=[to_global("Member", reader.id)], prizes=[{"fromPosition": 1, "toPosition": 3, "points": 100}],
    )  # fmt: skip
    campaign = made["campaign"]["id"]
    upload = await uploaded(phone.gql, phone.owner, PNG, "image/png")
    picture = to_global("Media", from_global(upload)[1])
    told = await phone.do("SubmitStory", campaignId=campaign, title="雨夜的灯", text="灯亮着", imageMediaIds=[picture])
    entry = told["entry"]["id"]
    assert (await console.do("ReviewStory", entryId=entry, verdict="PUBLISH", note=""))["entry"][
        "status"
    ] == "PUBLISHED"
    other = Phone(phone.gql, reader, phone.sent)
    voted = await other.do("VoteForStory", entryId=entry)
    assert (voted["entry"]["votes"], voted["entry"]["viewerVoted"], voted["votesLeftToday"]) == (1, True, 1)
    assert (await other.do("ScoreStory", entryId=entry, score=90))["entry"]["juryScore"] == 90
    [listed] = (await phone.ask("StoryCampaigns"))["storyCampaigns"]["nodes"]
    assert (listed["status"], listed["viewerEntry"]) == ("OPEN", {"id": entry, "status": "PUBLISHED"})
    [story] = (await other.ask("StoryEntries", campaignId=campaign, sort="MOST_VOTED"))["storyEntries"]["nodes"]
    assert (story["id"], len(story["imageUrls"]), story["viewerVoted"]) == (entry, 1, True)


async def _goes_to_a_class(phone: Phone, console: Phone, world: World, clock: FrozenClock) -> None:
    trainer = Phone(phone.gql, await world.staff(Role.LECTURER, name="陈老师"), phone.sent)
    assert phone.owner is not None
    assert trainer.owner is not None
    starts_at = clock.now() + timedelta(minutes=20)
    hall = {"latitude": 23.0489, "longitude": 113.7447}
    plan = {
        "title": "陈列实操", "courseId": None, "trainerId": to_global("Member", trainer.owner.id), "regionId": None,
        "place": "二楼会议室", "address": "人民路 1 号", "location": hall, "startsAt": starts_at.isoformat(),
        "endsAt": (starts_at + timedelta(hours=2)).isoformat(), "capacity": 1,
    }  # fmt: skip
    made = (await console.do("ScheduleClass", **plan))["offlineClass"]
    assert made["status"] == "SCHEDULED"
    gone = {**plan, "startsAt": plan["endsAt"], "endsAt": (starts_at + timedelta(hours=3)).isoformat()}
    called_off = (await console.do("ScheduleClass", **gone))["offlineClass"]["id"]
    assert (await console.do("CancelClass", offlineClassId=called_off, reason="讲师生病"))["offlineClass"][
        "status"
    ] == "CANCELLED"

    [listed, cancelled] = (await phone.ask("OfflineClasses"))["offlineClasses"]["nodes"]
    assert (listed["id"], listed["trainer"]["displayName"], listed["viewerSeat"]) == (made["id"], "陈老师", None)
    assert (cancelled["id"], cancelled["status"]) == (called_off, "CANCELLED")
    seat = (await phone.do("SignUpForClass", offlineClassId=made["id"]))["seat"]
    assert seat == {"state": "SEATED", "waitlistPosition": None}
    second = Phone(phone.gql, await world.learner("小陈"), phone.sent)
    assert (await second.do("SignUpForClass", offlineClassId=made["id"]))["seat"]["waitlistPosition"] == 1
    assert (await second.do("LeaveClass", offlineClassId=made["id"]))["offlineClass"]["seatsLeft"] == 0

    code = (await trainer.ask("ClassCheckInCode", id=made["id"]))["offlineClass"]["checkInCode"]
    there = await phone.do("CheckInToClass", payload=code["payload"], location=hall)
    assert (there["attendance"]["outcome"], there["awards"][0]["rule"]) == ("PRESENT", "class.checked_in")
    late = {"offlineClassId": made["id"], "memberId": to_global("Member", second.owner.id), "reason": "没带手机"}
    assert (await trainer.do("CheckInForMember", **late))["attendance"]["outcome"] == "PRESENT"
    attended = (await trainer.ask("ClassAttendance", id=made["id"]))["offlineClass"]["attendance"]
    assert [node["by"] for node in attended["nodes"]] == [None, {"displayName": "陈老师"}]
    clock.at = starts_at + timedelta(hours=2)
    assert (await phone.do("RateClass", offlineClassId=made["id"], stars=5, comment="很实用"))["rated"] is True


async def _runs_the_game(console: Phone, owner: Member, clock: FrozenClock) -> None:
    member, today = to_global("Member", owner.id), day_of(clock.now())
    rule = {"code": "lesson.completed", "points": 20, "dailyCap": 200}
    changed = await console.do("UpdatePointRule", **rule, enabled=True, effectiveFrom=clock.now().isoformat())
    assert changed["rule"] == {**rule, "enabled": True, "version": 2}
    span = {"from": today.isoformat(), "to": (today + timedelta(days=1)).isoformat()}
    replayed = (await console.ask("SimulatePointRule", input={**rule, **span}))["simulatePointRule"]
    assert replayed["pointsAfter"] == replayed["pointsBefore"] + 2 * 10
    assert replayed["membersAffected"] == 1
    gift = {"memberId": member, "amount": 7, "reason": "活动补发", "idempotencyKey": str(uuid4())}
    assert (await console.do("CorrectPoints", **gift))["entry"]["amount"] == 7

    reward = (await console.do("CreateReward", title="雨伞", description="", cost=10, stock=3))["reward"]
    assert reward["stockLeft"] == 3
    redemption = to_global("Redemption", (await Redemption.get(member_id=owner.id)).id)
    advanced = await console.do("AdvanceRedemption", redemptionId=redemption, to="APPROVED", note="")
    assert advanced["redemption"]["status"] == "APPROVED"

    opens, closes = clock.now() + timedelta(minutes=1), clock.now() + timedelta(minutes=2)
    draw = {"title": "周末抽奖", "ticketCost": 1, "maxTickets": 3, "prizes": [{"title": "风扇", "count": 1}]}
    made = await console.do("CreatePrizeDraw", **draw, opensAt=opens.isoformat(), closesAt=closes.isoformat())
    clock.advance(timedelta(minutes=3))
    drawn = (await console.do("RunPrizeDraw", prizeDrawId=made["prizeDraw"]["id"]))["prizeDraw"]
    assert (drawn["status"], drawn["winners"]) == ("DRAWN", [])

    prizes = [{"fromPosition": 1, "toPosition": 3, "points": 50}]
    scope = {"tier": "MODERN"}
    board = {"title": "现代店学习榜", "metric": "LEARNING_SECONDS", "period": "MONTH"}
    assert (await console.do("CreateBoard", **board, scope=scope, prizes=prizes))["board"]["title"] == board["title"]
    begins, ends = today.isoformat(), (today + timedelta(days=60)).isoformat()
    season = (await console.do("StartSeason", title="春季赛", startsOn=begins, endsOn=ends, prizes=prizes))["season"]
    assert season["title"] == "春季赛"

    await Suspicion.create(
        id=new_id(), member=owner, kind=SuspicionKind.SHARED_DEVICE, key=today.isoformat(), day=today,
        evidence={"members": 4}, detected_at=clock.now(),
    )  # fmt: skip
    [found] = (await console.ask("SuspiciousLearning"))["suspiciousLearning"]["nodes"]
    assert found["member"]["id"] == member
    judged = await console.do("JudgeSuspicion", id=found["id"], verdict="CLEAR", reverse=False)
    assert judged["suspicion"] == {"id": found["id"], "state": "CLEARED"}


async def _makes_a_course(maker: Phone, reviewer: Phone, world: World) -> None:
    module = (await maker.ask("Modules"))["modules"][0]["id"]
    assert maker.owner is not None
    team = [{"memberId": to_global("Member", maker.owner.id), "part": part} for part in ("SCRIPT", "FOOTAGE", "EDIT")]
    plan = {"title": "雨天陈列", "summary": "下雨天怎么摆", "tags": ["雨天"], "audienceTiers": ["MODERN"], "points": 30}
    kinds = {"code": "RAIN-1", "moduleId": module, "form": "VIDEO", "kind": "ELECTIVE"}
    cover = to_global("Media", (await world.picture(maker.owner)).id)
    course = (await maker.do("CreateCourse", **plan, **kinds, coverMediaId=cover, team=team))["course"]
    assert (course["status"], course["version"]) == ("DRAFT", 1)

    film = (FILMS / "film.mp4").read_bytes()
    said = {"contentType": "video/mp4", "sizeBytes": len(film), "sha256": hashlib.sha256(film).hexdigest()}
    upload = (await maker.do("RequestUpload", fileName="雨天.mp4", **said))["upload"]
    headers = {each["name"]: each["value"] for each in upload["headers"]}
    assert (await maker.gql.http.put(upload["uploadUrl"], content=film, headers=headers)).status_code == 204
    media = (await maker.do("CompleteUpload", uploadId=upload["id"]))["media"]
    assert (media["sizeBytes"], media["durationSeconds"]) == (len(film), 2)

    lessons = [
        (await maker.do("AddLesson", courseId=course["id"], title=title, mediaId=media["id"]))["lesson"]
        for title in ("一", "二", "三")
    ]
    renamed = await maker.do("UpdateLesson", lessonId=lessons[0]["id"], title="开场", durationSeconds=999)
    assert (renamed["lesson"]["title"], renamed["lesson"]["durationSeconds"]) == ("开场", 2)
    ids = [lesson["id"] for lesson in lessons]
    turned = (await maker.do("ReorderLessons", courseId=course["id"], lessonIds=ids[::-1]))["course"]
    assert [lesson["id"] for lesson in turned["lessons"]] == ids[::-1]
    left = (await maker.do("RemoveLesson", lessonId=ids[1]))["course"]
    assert [(lesson["id"], lesson["position"]) for lesson in left["lessons"]] == [(ids[2], 1), (ids[0], 2)]
    stale = await maker.ask("UpdateCourse", input={"courseId": course["id"], "expectedVersion": 1, "title": "旧"})
    assert stale["updateCourse"]["userErrors"][0]["code"] == "CONFLICT"
    changed = await maker.do("UpdateCourse", courseId=course["id"], expectedVersion=7, title="雨天陈列三招")
    assert changed["course"]["version"] == 8

    await maker.do("MoveCourse", courseId=course["id"], to="IN_REVIEW")
    published = (await reviewer.do("MoveCourse", courseId=course["id"], to="PUBLISHED", note="很好"))["course"]
    assert (published["status"], published["history"][-1]["note"]) == ("PUBLISHED", "很好")
    due = (maker.gql.ports.clock.now() + timedelta(days=7)).isoformat()
    asked = await reviewer.do("AssignCourse", courseId=course["id"], to={"tier": "MODERN"}, dueAt=due, reason="梅雨季")
    posts = await Post.filter(outlet__tier=OutletTier.MODERN, until_at=None)
    assert asked["assigned"] == len({post.member_id for post in posts}) > 0


async def _looks_back(console: Phone, course: str, clock: FrozenClock) -> None:
    await drain(console.gql.ports)
    await count_days(console.gql.ports)
    today = day_of(clock.now())
    days = {"from": (today - timedelta(days=30)).isoformat(), "to": (today + timedelta(days=1)).isoformat()}
    overview = (await console.ask("AcademyOverview", **days))["academyOverview"]
    assert overview["activeLearners"] > 0
    assert overview["topCourses"][0]["course"]["id"] == course
    assert (await console.ask("AssignmentProgress", courseId=course))["assignmentProgress"]["outlets"]["nodes"] == []
    export = (await console.do("RequestExport", kind="POINTS", format="XLSX", **days))["export"]
    assert export["status"] == "QUEUED"
    await make_reports(console.gql.ports)
    [made] = (await console.ask("MyExports"))["viewer"]["exports"]["nodes"]
    assert (made["id"], made["status"]) == (export["id"], "READY")
    assert made["rows"] > 0
    assert (await console.gql.http.get(made["url"])).status_code == 200


async def _decides_on_data(phone: Phone) -> None:
    asked = (await phone.ask("MyConsents"))["viewer"]
    assert [each["purpose"] for each in asked["consents"] if each["required"]] == ["TERMS", "PRIVACY_POLICY"]
    assert asked["adultConfirmedAt"] is None
    given = (await phone.do("GiveConsent", purpose="MARKETING", version=asked["consents"][2]["version"]))["consent"]
    assert given["givenAt"] is not None
    assert (await phone.do("WithdrawConsent", purpose="MARKETING"))["consent"]["withdrawnAt"] is not None
    export = (await phone.do("ExportMyData"))["export"]
    assert export["status"] == "QUEUED"
    await make_exports(phone.gql.ports)
    source = "query ($id: ID!) { node(id: $id) { ... on DataExport { status url expiresAt sizeBytes } } }"
    ready = (await phone.gql.ask(source, {"id": export["id"]}, by=phone.owner))["data"]["node"]
    assert (await phone.gql.http.get(ready["url"])).headers["content-length"] == str(ready["sizeBytes"])


async def _goes_for_good(phone: Phone) -> None:
    assert (await phone.do("DeleteMyAccount", code=DEMO_CODE))["deletedAt"] is not None
    answer = await phone.gql.run("MyConsents", by=phone.owner)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def _leaves(phone: Phone) -> None:
    sessions = (await phone.ask("MySessions"))["viewer"]["sessions"]["nodes"]
    assert [session["current"] for session in sessions].count(True) == 1
    assert (await phone.do("SignOut", everywhere=True))["signedOutSessions"] == len(sessions)
    answer = await phone.gql.run("MySessions", by=phone.owner)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
