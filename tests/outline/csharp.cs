using System;
#region header
namespace Shop.Orders;
#endregion

/// <summary>class Fake</summary>
[Serializable]
[Table("orders", Schema = "x")]
public sealed partial class Order<T> : IEntity where T : class, new()
{
    public const int MaxLines = 100;
    private static readonly string Sql = @"
class Verbatim { ""quoted"" }";
    private int _count;

    public Order(int id) : base(id) { Id = id; }

    [JsonProperty("id")]
    public int Id { get; private set; }
    public string Name => $"{First} {(Last != null ? "x" : "}")}";

    public async Task<List<T>> LoadAsync(
        CancellationToken token = default)
    {
        var x = new Foo { A = 1 };
        char c = '"';
        if (x is null) { return null; }
        int Local(int a) => a;
        return await Get<T>(token);
    }

    protected internal virtual void Touch() => _count++;
    public static bool operator ==(Order<T> a, Order<T> b) => true;

    public enum State { Open, Closed = 3 }
    public delegate void Changed(object sender);
}

public interface IEntity
{
    int Id { get; }
    void Save(string path);
}

internal record struct Point(int X, int Y);
public record Person(string Name)
{
    public override string ToString() => Name;
}

public class Indexed : Base, IDictionary
{
    public new static readonly Indexed Instance = new Indexed();
    public string this[int index]
    {
        get { return null; }
    }
    void IDictionary.Remove(object key) { }
    public EventType type
    {
        get { return 0; }
    }
}
